#include "reconciler/registry.h"

#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "reconciler/live/http_client.h"
#include "tests/live/live_host.h"

// A real registry on loopback that wants a login: what it answers, and what is pulled from it.
namespace fairlead::testing {
namespace {

namespace fs = std::filesystem;

constexpr char password[] = "correct horse";
// The password of ann as bcrypt, which is what the registry reads.
constexpr char users[] = "ann:$2y$05$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2\n";

bool says(const std::string& text, const std::string& part) { return text.find(part) != text.npos; }

int free_port() {
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in place{};
  place.sin_family = AF_INET;
  place.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof place;
  auto* address = reinterpret_cast<sockaddr*>(&place);
  REQUIRE(::bind(socket, address, size) == 0);
  REQUIRE(::getsockname(socket, address, &size) == 0);
  ::close(socket);
  return ntohs(place.sin_port);
}

// The registry, its folder and the login of ann. What was pushed to it is untagged at its end.
class Registry {
 public:
  Registry()
      : folder_(fs::temp_directory_path() / ("fairlead-registry-" + std::to_string(::getpid()))),
        place_("127.0.0.1:" + std::to_string(free_port())) {
    fs::create_directories(folder_ / "data");
    write("users", users);
    write("password", password);
    write("wrong", "battery staple");
    write("config.yml",
          "version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: " +
              (folder_ / "data").string() + "}}\nhttp: {addr: \"" + place_ +
              "\"}\nauth: {htpasswd: {realm: test, path: " + (folder_ / "users").string() + "}}\n");
    start();
  }
  ~Registry() {
    for (const std::string& image : pushed_) {
      LiveEngine(LiveEngine::default_socket()).call("DELETE", "/images/" + image);
    }
    child_.reset();
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  void start() {
    Child::Setup setup;
    setup.output = folder_ / "log";
    child_.emplace(
        std::vector<std::string>{"/usr/bin/docker-registry", "serve", folder_ / "config.yml"},
        setup);
    for (int i = 0; i < 500 && ping() != 401; ++i) {
      std::this_thread::sleep_for(milliseconds(20));
    }
    REQUIRE_MESSAGE(ping() == 401, read_text(folder_ / "log"));
  }
  void stop() { child_.reset(); }

  // As in the platform file; `file` holds the password.
  std::string settings(const std::string& file) const {
    return "registries: {\"" + place_ +
           "\": {user: ann, password_file: " + (folder_ / file).string() + "}}\n";
  }
  Platform platform(const std::string& file) const {
    Platform made;
    made.engine.host = "unix://" + LiveEngine::default_socket();
    if (!file.empty()) made.registries[place_] = {"ann", folder_ / file};
    made.registries_allowed = {place_};
    return made;
  }
  std::string image(const std::string& repository, const std::string& tag) const {
    return place_ + "/" + repository + ":" + tag;
  }

  // Pushes one of the test images under another name, with the login; gives its digest.
  std::string push(const std::string& live, const std::string& repository, const std::string& tag) {
    const LiveEngine engine(LiveEngine::default_socket());
    engine.make_images();
    const std::string name = place_ + "/" + repository;
    engine.done("POST", "/images/fairlead-test/live:" + live + "/tag?repo=" + name + "&tag=" + tag);
    pushed_.push_back(name + ":" + tag);
    HttpCall call;
    call.method = "POST";
    call.path = "/images/" + name + "/push?tag=" + tag;
    call.headers = {{"X-Registry-Auth", "@" + place_}};
    call.timeout = seconds(60);
    call.progress = true;
    const Answer answer = send(call, "password");
    REQUIRE_MESSAGE((answer.status == 200 && answer.body.empty()), answer.status << answer.body);
    const Json seen = engine.done("GET", "/images/" + name + ":" + tag + "/json");
    for (const Json& reference : seen["RepoDigests"].items()) {
      const std::string& text = reference.as_string();
      if (text.compare(0, name.size() + 1, name + "@") != 0) continue;
      pushed_.push_back(text);
      return text.substr(name.size() + 1);
    }
    FAIL("no digest of " << name);
    return "";
  }

  // A whole conversation, with the password in `file` or without a login.
  Result<Inquiry::Finding> ask(const std::string& reference, const std::string& track,
                               const std::string& file) const {
    Inquiry::Question question;
    question.image = *ImageRef::parse(reference);
    question.current = question.image.tag;
    question.track = *Track::parse(track);
    const Platform with = platform(file);
    Inquiry inquiry(question, with);
    while (const auto call = inquiry.next()) inquiry.take(send(*call, file));
    REQUIRE(inquiry.finished());
    return inquiry.result();
  }
  std::string refusal(const std::string& reference, const std::string& track,
                      const std::string& file) const {
    const auto result = ask(reference, track, file);
    REQUIRE_FALSE(result.ok());
    return std::string(code_name(result.error().code)) + ": " + result.error().message;
  }

 private:
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name) << text;
  }
  int ping() const {
    HttpCall call;
    call.endpoint = place_;
    call.path = "/v2/";
    return send(call, "").status;
  }
  Answer send(const HttpCall& call, const std::string& file) const {
    live::HttpClient client(std::make_shared<Platform>(platform(file)), false);
    return client.call(call, {});
  }

  fs::path folder_;
  std::string place_;
  std::optional<Child> child_;
  std::vector<std::string> pushed_;
};

TEST_CASE("a real registry tells the digest of a tag, and which is the newest") {
  Registry registry;
  const std::string first = registry.push("1", "acme/blog", "0041");
  const std::string second = registry.push("2", "acme/blog", "0042");
  registry.push("2", "acme/blog", "latest");
  REQUIRE(first != second);
  const std::string image = registry.image("acme/blog", "0041");
  const auto pinned = registry.ask(image, "digest", "password");
  REQUIRE_MESSAGE(pinned.ok(), pinned.error().message);
  CHECK(pinned->tag == "0041");
  CHECK(pinned->digest == first);
  const auto newest = registry.ask(image, "numeric", "password");
  REQUIRE_MESSAGE(newest.ok(), newest.error().message);
  CHECK(newest->tag == "0042");
  CHECK(newest->digest == second);
  CHECK(newest->tags.size() == 3);
}

TEST_CASE("what a real registry refuses is told with what to do") {
  Registry registry;
  registry.push("1", "acme/blog", "1");
  const std::string image = registry.image("acme/blog", "1");
  const std::string absent = registry.image("acme/blog", "7");
  CHECK(says(registry.refusal(absent, "digest", "password"), "not_found: "));
  CHECK(says(registry.refusal(absent, "digest", "password"), "has no tag 7 of acme/blog"));
  CHECK(says(registry.refusal(registry.image("acme/none", "1"), "numeric", "password"),
             "has no repository acme/none"));
  CHECK(says(registry.refusal(image, "digest", "wrong"), "denied: "));
  CHECK(says(registry.refusal(image, "numeric", "wrong"), "refuses the login of ann"));
  CHECK(says(registry.refusal(image, "numeric", ""), "does not give acme/blog without a login"));
  registry.stop();
  CHECK(says(registry.refusal(image, "digest", "password"), "unavailable: "));
  CHECK(says(registry.refusal(image, "digest", "password"), "cannot be reached"));
  registry.start();
  CHECK(registry.ask(image, "digest", "password").ok());
}

TEST_CASE("a private image is pulled with the login of the platform file, and not without it") {
  Registry registry;
  registry.push("1", "acme/private", "1");
  const std::string image = registry.image("acme/private", "1");
  {
    LiveHost host(registry.settings("wrong"));
    const std::string app = host.name("private");
    host.engine().done("DELETE", "/images/" + image);
    host.put("private.yml", manifest(app, "", image));
    host.start();
    host.until("the refusal is told",
               [&] { return says(host.app(app)["message"].as_string(), "pull"); });
    const std::string message = host.app(app)["message"].as_string();
    CHECK_MESSAGE(says(message, image), message);
    CHECK(host.containers(app).empty());
  }
  LiveHost host(registry.settings("password"));
  const std::string app = host.name("private");
  host.put("private.yml", manifest(app, "", image));
  host.start();
  host.until_well(app);
  CHECK(host.only(app)["Config"]["Image"].as_string() == image);
  CHECK_FALSE(says(host.log(), password));
}

TEST_CASE("class 8: an image of a registry on this host that is not listed is never asked for") {
  Registry registry;
  registry.push("1", "acme/inside", "1");
  const std::string image = registry.image("acme/inside", "1");
  LiveHost host("");
  const std::string app = host.name("inside");
  host.engine().done("DELETE", "/images/" + image);
  host.put("inside.yml", manifest(app, "update: {track: numeric, interval: 30s}\n", image));
  host.start();
  host.until("the refusal is told",
             [&] { return says(host.app(app)["message"].as_string(), "registries: {allow: "); });
  CHECK(says(host.app(app)["update"]["error"].as_string(), "nothing was asked"));
  CHECK(host.containers(app).empty());
}

TEST_CASE("an app follows the tags of a private image, each pinned by its digest") {
  Registry registry;
  const std::string first = registry.push("1", "acme/follow", "0041");
  const std::string image = registry.image("acme/follow", "0041");
  LiveHost host(registry.settings("password"));
  const std::string app = host.name("follow");
  host.engine().done("DELETE", "/images/" + image);
  host.put("follow.yml", manifest(app, "update: {track: numeric, interval: 30s}\n", image));
  host.start();
  host.until_well(app);
  CHECK(host.only(app)["Config"]["Image"].as_string() == image + "@" + first);
  const std::string second = registry.push("2", "acme/follow", "0042");
  const std::string newer = registry.image("acme/follow", "0042");
  host.engine().done("DELETE", "/images/" + newer);
  const std::string before = host.revision(app);
  SUBCASE("within the interval") {}
  SUBCASE("as soon as a person asks") {
    const auto asked = host.run({"images", app});
    CHECK_MESSAGE(asked.code == 0, asked.err);
    CHECK_MESSAGE(says(asked.out, "0042"), asked.out);
    host.until(
        "it is chosen", [&] { return says(host.log(), "0042@" + second); }, seconds(5));
  }
  host.until_new(app, before);
  CHECK(host.only(app)["Config"]["Image"].as_string() == newer + "@" + second);
  const Json update = host.app(app)["update"];
  CHECK(update["tag"].as_string() == "0042");
  CHECK(update["digest"].as_string() == second);
  CHECK(says(host.run({"images", app}).out, "0042  runs"));
  CHECK(says(host.run({"explain", app}).out, "follows:  numeric, uses 0042@" + second));
  CHECK(host.run({"images", "nobody"}).code == 1);
}

}  // namespace
}  // namespace fairlead::testing
