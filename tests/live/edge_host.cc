#include "tests/live/edge_host.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>
#include <functional>

#include "tests/certificate_maker.h"

namespace fairlead::testing {
namespace {

constexpr int http_port = EdgeHost::http_port;
constexpr int https_port = EdgeHost::https_port;
constexpr char image[] = "fairlead-test/echo";

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  REQUIRE_MESSAGE(at != text.npos, "\"" << from << "\" is not in\n" << text);
  return text.replace(at, from.size(), to);
}

std::string edge_manifest() {
  const char* newer = std::getenv("FAIRLEAD_TEST_NGINX");
  return replaced(read_text(FAIRLEAD_SOURCE_DIR "/deploy/platform/edge.yml"), "image: nginx:1.28",
                  std::string("image: ") + (newer ? newer : "fairlead/nginx:1"));
}

// Made only where it is not there yet: each import leaves the one before behind.
void make_echo_image(const LiveEngine& engine) {
  const std::string program = read_text(ECHO_APP_BINARY);
  REQUIRE_MESSAGE(!program.empty(), ECHO_APP_BINARY);
  const std::string hash = std::to_string(std::hash<std::string>()(program));
  const auto seen = engine.call("GET", "/images/" + std::string(image) + ":1/json");
  if (seen.body["Config"]["Labels"]["program"].as_string() == hash) return;
  engine.import_image(image, "1", {"CMD [\"/echo_app\"]", "EXPOSE 8080", "LABEL program=" + hash},
                      {{"echo_app", program}});
}

void make_images(const LiveHost& host) {
  make_echo_image(host.engine());
  Child::Setup setup;
  setup.output = host / "images.log";
  Child make({FAIRLEAD_SOURCE_DIR "/deploy/images/make", "nginx"}, setup);
  const std::optional<int> code = make.wait(seconds(300));
  REQUIRE_MESSAGE(code == 0, read_text(setup.output));
}

std::string settings(const std::string& more) {
  return "domain: edge.test\nprune: {grace: 300ms, fuse_apps: 100}\n" +
         (more.find("edge:") == more.npos
              ? "edge: {address: 127.0.0.1, http_port: " + std::to_string(http_port) +
                    ", https_port: " + std::to_string(https_port) + "}\n"
              : "") +
         more;
}

// Workers from before a reload may take a few more connections.
bool each_time(const std::function<bool()>& holds) {
  for (int i = 0; i < 20; ++i) {
    if (!holds()) return false;
  }
  return true;
}

}  // namespace

EdgeHost::EdgeHost(const std::string& more) : host_(settings(more)) {
  REQUIRE_MESSAGE(!host_.engine().call("GET", "/networks/0.edge").ok(),
                  "this engine has an edge already: stop the fairlead that runs it, remove it, try "
                  "again");
  make_images(host_);
  const bool on_host = more.find("mode: host") != more.npos;
  if (!on_host) host_.put("edge.yml", edge_manifest());
  host_.start();
  if (!on_host) host_.until_well("edge");
}

std::string EdgeHost::manifest(const std::string& app, int version, const std::string& more,
                               const std::string& lines) const {
  return "name: " + app + "\nimage: " + image + ":1\nenv: {VERSION: \"" + std::to_string(version) +
         "\"}\nexpose:\n- {proto: http, port: 8080" + (more.empty() ? "" : ", " + more) + "}\n" +
         (lines.find("health:") == lines.npos ? "health: {http: /up, interval: 200ms}\n" : "") +
         (lines.find("deploy:") == lines.npos ? "deploy: {drain: 1s}\n" : "") + lines;
}

void EdgeHost::deploy(const std::string& app, int version, const std::string& more,
                      const std::string& lines) {
  host_.put(app + ".yml", manifest(app, version, more, lines));
  until_serves(app, version);
}

void EdgeHost::secret(const std::string& name, const std::string& content) const {
  std::ofstream(host_ / ("secrets/" + name), std::ios::binary) << content;
}

void EdgeHost::certificate(const std::string& name, const std::string& content) const {
  std::ofstream(host_ / ("certificates/" + name), std::ios::binary) << content;
}

WebRequest EdgeHost::http(const std::string& app, const std::string& path) const {
  WebRequest request;
  request.port = http_port;
  request.host = name_of(app);
  request.path = path;
  return request;
}

WebRequest EdgeHost::https(const std::string& app, const std::string& path) const {
  WebRequest request = http(app, path);
  request.port = https_port;
  request.tls = true;
  return request;
}

bool EdgeHost::serves(const std::string& app, int version) const {
  const WebReply reply = fetch(https(app));
  return reply.ok() && reply.body == std::to_string(version) + "\n";
}

void EdgeHost::until_serves(const std::string& app, int version) const {
  host_.until("version " + std::to_string(version) + " of " + app + " answers",
              [&] { return each_time([&] { return serves(app, version); }); });
}

void EdgeHost::put_certificate(const std::string& host, std::size_t rsa_bits) const {
  Wish wish;
  wish.common_name = host;
  wish.names = "DNS:" + host;
  wish.ends = std::chrono::hours(24 * 365 * 100);
  wish.rsa_bits = rsa_bits;
  const MadeCertificate made = make_certificate(wish);
  certificate(host + ".key", made.pem_key());
  certificate(host + ".crt", made.crt());
}

void EdgeHost::until_status(const std::string& what, const WebRequest& request, int status) const {
  host_.until(what, [&] { return each_time([&] { return fetch(request).status == status; }); });
}

Json EdgeHost::route(const std::string& host) const {
  const Result<Json> all = Json::parse(host_.run({"--output", "json", "routes"}).out);
  REQUIRE(all.ok());
  for (const Json& route : (*all)["routes"].items()) {
    if (route["host"].as_string() == host) return route;
  }
  return {};
}

int EdgeHost::workers() const {
  const Json top = host_.engine().done("GET", "/containers/" + edge_id() + "/top");
  int count = 0;
  for (const Json& process : top["Processes"].items()) {
    if (process.dump().find("nginx: worker") != std::string::npos) ++count;
  }
  return count;
}

}  // namespace fairlead::testing
