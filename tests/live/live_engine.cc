#include "tests/live/live_engine.h"

#include <doctest/doctest.h>
#include <httplib.h>

#include <algorithm>

#include "reconciler/url.h"
#include "tests/live/busybox_image.h"

namespace fairlead::testing {
namespace {

LiveEngine::Reply send(const std::string& socket, const httplib::Request& request) {
  httplib::Client client(socket);
  client.set_address_family(AF_UNIX);
  client.set_read_timeout(60);
  const httplib::Result result = client.send(request);
  if (!result) return {0, httplib::to_string(result.error()), {}};
  const Result<Json> body = Json::parse(result->body);
  return {result->status, result->body, body ? *body : Json()};
}

// The engine wraps each piece of output in a header of eight bytes.
std::string unframed(const std::string& stream) {
  std::string text;
  for (std::size_t at = 0; at + 8 <= stream.size();) {
    std::size_t length = 0;
    for (std::size_t i = 4; i < 8; ++i) {
      length = length << 8 | static_cast<unsigned char>(stream[at + i]);
    }
    text += stream.substr(at + 8, length);
    at += 8 + length;
  }
  return text;
}

}  // namespace

std::string name_of(const Json& listed) { return listed["Names"].items()[0].as_string().substr(1); }

std::string LiveEngine::default_socket() {
  const std::string address = environment("DOCKER_HOST", "unix:///var/run/docker.sock");
  REQUIRE(address.starts_with("unix://"));
  return address.substr(7);
}

int LiveEngine::pid() const {
  int pid = 0;
  return std::sscanf(socket_.c_str(), "/proc/%9d/root/", &pid) == 1 ? pid : 0;
}

LiveEngine::Reply LiveEngine::call(const std::string& method, const std::string& path,
                                   const Json& body) const {
  httplib::Request request;
  request.method = method;
  request.path = path;
  request.headers = {{"Host", "engine"}};
  if (!body.is_null()) {
    request.headers.emplace("Content-Type", "application/json");
    request.body = body.dump();
  }
  return send(socket_, request);
}

Json LiveEngine::done(const std::string& method, const std::string& path, const Json& body) const {
  const Reply reply = call(method, path, body);
  REQUIRE_MESSAGE(reply.ok(), method << " " << path << ": " << reply.status << " " << reply.text);
  return reply.body;
}

std::vector<Json> LiveEngine::containers(const std::vector<std::string>& labels) const {
  const Json filter = Json::object({{"label", Json(labels)}});
  const Json listed =
      done("GET", "/containers/json?all=1&filters=" + percent_encode(filter.dump()));
  std::vector<Json> sorted = listed.items();
  std::sort(sorted.begin(), sorted.end(),
            [](const Json& a, const Json& b) { return name_of(a) < name_of(b); });
  return sorted;
}

Json LiveEngine::inspect(const std::string& container) const {
  return done("GET", "/containers/" + container + "/json");
}

bool LiveEngine::has(const std::string& container) const {
  return call("GET", "/containers/" + container + "/json").ok();
}

bool LiveEngine::has_volume(const std::string& volume) const {
  return call("GET", "/volumes/" + volume).ok();
}

std::string LiveEngine::run(const std::string& name, const Json& body) const {
  Json whole = body;
  if (!whole.has("Image")) whole.set("Image", "fairlead-test/live:1");
  const Json made = done("POST", "/containers/create?name=" + name, whole);
  done("POST", "/containers/" + name + "/start");
  return made["Id"].as_string();
}

void LiveEngine::remove(const std::string& container) const {
  done("DELETE", "/containers/" + container + "?force=1");
}

LiveEngine::Ran LiveEngine::exec(const std::string& container,
                                 const std::vector<std::string>& command) const {
  const Json made =
      done("POST", "/containers/" + container + "/exec",
           Json::object({{"Cmd", Json(command)}, {"AttachStdout", true}, {"AttachStderr", true}}));
  const std::string path = "/exec/" + made["Id"].as_string();
  const Reply output = call("POST", path + "/start", Json::object({{"Detach", false}}));
  const Json ended = done("GET", path + "/json");
  return {static_cast<int>(ended["ExitCode"].as_int(-1)), unframed(output.text)};
}

void LiveEngine::import_image(const std::string& name, const std::string& tag,
                              const std::vector<std::string>& changes,
                              const std::map<std::string, std::string>& files) const {
  httplib::Request request;
  request.method = "POST";
  request.path = "/images/create?fromSrc=-&repo=" + name + "&tag=" + tag;
  for (const std::string& change : changes) request.path += "&changes=" + percent_encode(change);
  request.headers = {{"Host", "engine"}, {"Content-Type", "application/x-tar"}};
  request.body = busybox_archive(files);
  const Reply reply = send(socket_, request);
  REQUIRE_MESSAGE(reply.ok(), reply.text);
}

void LiveEngine::make_images() const {
  const auto make = [&](const std::string& tag, const std::string& command) {
    if (call("GET", "/images/fairlead-test/live:" + tag + "/json").ok()) return;
    import_image("fairlead-test/live", tag, {"CMD " + command, "ENV RELEASE=" + tag});
  };
  make("1", R"(["sleep", "1000000"])");
  make("2", R"(["sleep", "1000000"])");
  make("broken", R"(["sh", "-c", "echo starting; echo no database at db:3306; exit 3"])");
}

}  // namespace fairlead::testing
