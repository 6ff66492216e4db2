#include <doctest/doctest.h>

#include <map>
#include <string>

#include "providers/docker/network.h"
#include "providers/docker/observe.h"
#include "providers/docker/reader.h"
#include "tests/scene.h"
#include "tests/tar_builder.h"

using namespace fairlead;
using namespace fairlead::docker;
using fairlead::testing::parse_scene;
using fairlead::testing::Scene;
using fairlead::testing::tar_of;
using fairlead::testing::TarEntry;
using fairlead::testing::test_keys;

namespace {

Session session() {
  Session made;
  made.facts = Json::object({{"api", "1.41"}});
  return made;
}

// What an engine answers, by the beginning of the path behind the version; 404 for all else.
struct Engine {
  std::map<std::string, Answer> answers;

  Engine() {
    json("/containers/json", "[]");
    json("/networks", "[]");
    json("/volumes", R"({"Volumes":[]})");
    json("/images/json", "[]");
    json("files", "[]");
  }
  void json(const std::string& path, const std::string& body, int status = 200) {
    answers[path] = {status, body, ""};
  }
  Answer answer(const std::string& path) const {
    Answer found{404, R"({"message":"no such thing"})", ""};
    std::size_t length = 0;
    for (const auto& [prefix, held] : answers) {
      if (path.rfind(prefix, 0) != 0 || prefix.size() < length) continue;
      length = prefix.size();
      found = held;
    }
    return found;
  }
};

struct Observation {
  Observer::Observed observed;
  std::string calls;  // one line a round
  std::string error;
};

// Asks round after round, as the loop does.
Observation run(Observer& observer, const Engine& engine) {
  Observation outcome;
  std::size_t index = 0;
  for (auto calls = observer.next(); !calls.empty(); calls = observer.next()) {
    for (const auto& call : calls) {
      const auto* http = std::get_if<HttpCall>(&call);
      const std::string path = http ? http->path.substr(6) : "files";  // less "/v1.41"
      outcome.calls += path.substr(0, path.find('?')) + " ";
      const Result<void> taken = observer.take(index++, engine.answer(path));
      if (!taken) outcome.error = taken.error().message;
    }
    outcome.calls += "\n";
    if (!outcome.error.empty()) return outcome;
  }
  outcome.observed = observer.finish();
  return outcome;
}

const Identity web{"container", "blog", "web", "3f9c2a1b00000000", 1};

Json listed(const Identity& identity, const std::string& id, const std::string& state,
            const std::string& name = "") {
  Json entry =
      Json::object({{"Id", id},
                    {"Names", Json::array({"/" + (name.empty() ? identity.name() : name)})},
                    {"ImageID", "sha256:1"},
                    {"State", state},
                    {"Labels", owner_labels(test_keys(), identity)}});
  return entry;
}

std::string list(const Json& entry) { return Json::array({entry}).dump(); }

std::string network(const std::string& name, const std::string& app) {
  Json labels;
  if (!app.empty()) labels = owner_labels(test_keys(), {"network", app, "", "", 1});
  return Json::object({{"Id", "id-" + name},
                       {"Name", name},
                       {"Labels", labels},
                       {"IPAM", Json::object({{"Config", Json::array({Json::object(
                                                             {{"Subnet", "10.213.0.0/26"}})})}})}})
      .dump();
}

const SeenApp& app_of(const Observation& outcome, const std::string& name) {
  const auto found = outcome.observed.apps.find(name);
  REQUIRE(found != outcome.observed.apps.end());
  return dynamic_cast<const SeenApp&>(*found->second);
}

Observation observe_blog(const Engine& engine, Scope scope = {}) {
  const Session made = session();
  scope.app = "blog";
  return run(*observe_app(test_keys(), made, scope), engine);
}

}  // namespace

TEST_CASE("a full observation is four lists and the files, whatever the number of apps") {
  Engine engine;
  Json all = Json::array();
  for (int i = 0; i < 20; ++i) {
    const Identity identity{"container", "app" + std::to_string(i), "web", "3f9c2a1b", 1};
    all.push(listed(identity, "c" + std::to_string(i), "running"));
  }
  engine.json("/containers/json", all.dump());
  const Session made = session();
  const Observation outcome = run(*observe_all(test_keys(), made, {}), engine);
  CHECK(outcome.calls == "/containers/json /networks /volumes /images/json files \n");
  CHECK(outcome.observed.apps.size() == 20);
}

TEST_CASE("a full observation takes what is proven ours, and the subnets of all") {
  Engine engine;
  Json stranger = listed(web, "c2", "running");
  stranger.set("Labels", owner_labels(test_keys(), web).set("fairlead.app", "shop"));
  engine.json("/containers/json", Json::array({listed(web, "c1", "running"), stranger}).dump());
  engine.json("/networks", "[" + network("blog", "blog") + "," + network("shop", "") + "]");
  engine.json("files", R"(["blog/KEY.1","old/KEY.2"])");
  const Session made = session();
  const Observation outcome = run(*observe_all(test_keys(), made, {}), engine);
  CHECK(app_of(outcome, "blog").containers.size() == 1);
  CHECK(app_of(outcome, "blog").networks.size() == 1);
  CHECK(app_of(outcome, "old").secret_files.size() == 1);
  CHECK(outcome.observed.apps.count("shop") == 0);
  const auto& shared = dynamic_cast<const SeenEngine&>(*outcome.observed.shared);
  CHECK(shared.subnets.taken_until(Subnet::parse("10.213.0.0/26")->range()).has_value());
}

TEST_CASE("one app is listed by its label, then inspected") {
  Engine engine;
  engine.json("/containers/json", list(listed(web, "c1", "running")));
  engine.json("/containers/c1/json",
              R"({"State":{"Status":"running","Health":{"Status":"healthy"}}})");
  const Observation outcome = observe_blog(engine);
  CHECK(outcome.calls == "/containers/json /networks /volumes \n/containers/c1/json \n");
  REQUIRE(app_of(outcome, "blog").containers.size() == 1);
  CHECK(app_of(outcome, "blog").containers[0].detail->health == "healthy");
}

TEST_CASE("what has not changed is not inspected again; what was hinted at is") {
  Engine engine;
  engine.json("/containers/json", list(listed(web, "c1", "running")));
  engine.json("/containers/c1/json", R"({"State":{"Status":"running"}})");
  const Observation first = observe_blog(engine);
  Scope scope;
  scope.before = first.observed.apps.at("blog").get();
  CHECK(observe_blog(engine, scope).calls == "/containers/json /networks /volumes \n");
  const std::set<std::string> hinted{"c1"};
  scope.hinted = &hinted;
  CHECK(observe_blog(engine, scope).calls ==
        "/containers/json /networks /volumes \n/containers/c1/json \n");
  scope.listed = true;
  CHECK(observe_blog(engine, scope).calls == "/containers/c1/json \n");
  scope.hinted = nullptr;
  CHECK(observe_blog(engine, scope).calls == "");
  engine.json("/containers/json", list(listed(web, "c1", "exited")));
  scope.listed = false;
  CHECK(observe_blog(engine, scope).calls ==
        "/containers/json /networks /volumes \n/containers/c1/json \n");
}

TEST_CASE("the log is read where something failed, and only there") {
  Engine engine;
  engine.json("/containers/json", list(listed(web, "c1", "exited")));
  engine.json("/containers/c1/json", R"({"State":{"Status":"exited","ExitCode":3}})");
  engine.json("/containers/c1/logs", "config missing\n");
  const Observation outcome = observe_blog(engine);
  CHECK(outcome.calls ==
        "/containers/json /networks /volumes \n/containers/c1/json \n/containers/c1/logs \n");
  CHECK(app_of(outcome, "blog").containers[0].detail->last_log == "config missing");
  engine.json("/containers/c1/json", R"({"State":{"Status":"exited","ExitCode":0}})");
  CHECK(observe_blog(engine).calls.find("logs") == std::string::npos);
}

TEST_CASE("of a container that is listed and then not found nothing is believed") {
  Engine engine;
  engine.json("/containers/json", list(listed(web, "c1", "running")));
  const Observation outcome = observe_blog(engine);
  CHECK_FALSE(outcome.error.empty());
}

TEST_CASE("any answer that cannot be used makes the observation worth nothing") {
  for (const char* path : {"/containers/json", "/networks", "/volumes", "/containers/c1/json"}) {
    for (const Answer& bad :
         {Answer{500, "{}", ""}, Answer{0, "", "timed out"}, Answer{200, "{\"half", ""}}) {
      Engine engine;
      engine.json("/containers/json", list(listed(web, "c1", "running")));
      engine.json("/containers/c1/json", "{}");
      engine.answers[path] = bad;
      CAPTURE(path);
      CHECK_FALSE(observe_blog(engine).error.empty());
    }
  }
}

TEST_CASE("an image is asked for only where a container of it is lacking") {
  const Scene scene = parse_scene("name: blog\nimage: acme/blog:1\n", "", "");
  const auto* spec = fairlead::testing::spec_of(scene.wanted.get(), "web");
  Scope scope;
  scope.wanted = scene.wanted.get();
  Engine engine;
  const Observation lacking = observe_blog(engine, scope);
  CHECK(lacking.calls == "/containers/json /networks /volumes \n/images/acme/blog:1/json \n");
  CHECK(app_of(lacking, "blog").images.at("acme/blog:1").id.empty());

  const Identity wanted{"container", "blog", "web", spec->fingerprint, 1};
  engine.json("/containers/json", list(listed(wanted, "c1", "running")));
  engine.json("/containers/c1/json", R"({"State":{"Status":"running"}})");
  CHECK(observe_blog(engine, scope).calls.find("/images/") == std::string::npos);
}

TEST_CASE(
    "an image that is to be read is looked at, and its reader asked for the three files once") {
  ImageManifests known;
  Scope scope;
  scope.to_read = "acme/blog:1";
  scope.images = &known;
  Engine engine;
  const std::string id = "sha256:" + std::string(64, 'a');
  engine.json("/images/acme/blog:1/json", R"({"Id":")" + id + R"(","Config":{"Labels":{}}})");
  const std::string lists = "/containers/json /networks /volumes \n/images/acme/blog:1/json \n";
  CHECK(observe_blog(engine, scope).calls == lists);

  Json reader = listed(reader_identity("blog", id), "r1", "created");
  engine.json("/containers/json", list(reader));
  engine.json("/containers/r1/archive",
              R"({"message":"Could not find the file /cloud_manifest.yml in container r1"})", 404);
  const std::string archive = "/containers/r1/archive ";
  const Observation none = observe_blog(engine, scope);
  CHECK(none.calls == lists + archive + archive + archive + "\n");
  REQUIRE(app_of(none, "blog").read);
  CHECK(app_of(none, "blog").read->place.empty());
  CHECK(app_of(none, "blog").readers.size() == 1);
  CHECK(app_of(none, "blog").containers.empty());

  // Of two files the first one counts.
  TarEntry json;
  json.name = "cloud_manifest.json";
  json.data = "{}";
  TarEntry yaml;
  yaml.name = "cloud_manifest.yaml";
  engine.answers["/containers/r1/archive?path=/cloud_manifest.json"] = {200, tar_of(json), ""};
  engine.answers["/containers/r1/archive?path=/cloud_manifest.yaml"] = {200, tar_of(yaml), ""};
  const Observation two = observe_blog(engine, scope);
  CHECK(app_of(two, "blog").read->place == "/cloud_manifest.yaml");

  known.take("other", {"acme/other:1", id, ImageContent()});
  CHECK(observe_blog(engine, scope).calls == lists);
}

TEST_CASE("a reader that goes or fails while it is asked tells nothing of its image") {
  Scope scope;
  scope.to_read = "acme/blog:1";
  Engine engine;
  engine.json("/images/acme/blog:1/json", R"({"Id":"sha256:aa"})");
  engine.json("/containers/json",
              list(listed(reader_identity("blog", "sha256:aa"), "r1", "created")));
  engine.json("/containers/r1/archive", R"({"message":"No such container: r1"})", 404);
  CHECK_FALSE(observe_blog(engine, scope).error.empty());
  engine.json("/containers/r1/archive", R"({"message":"cannot mount"})", 500);
  const Observation failed = observe_blog(engine, scope);
  CHECK_FALSE(app_of(failed, "blog").read);
  CHECK(app_of(failed, "blog").read_trouble == "/cloud_manifest.yml: cannot mount");
}

TEST_CASE("a container with all labels of ours and another name may come from an image") {
  Engine engine;
  engine.json("/containers/json", list(listed(web, "c1", "running", "copy")));
  engine.json("/containers/c1/json", R"({"State":{"Status":"running"}})");
  engine.json("/images/sha256:1/json", R"({"Config":{"Labels":{}}})");
  CHECK(app_of(observe_blog(engine), "blog").containers.size() == 1);
  engine.json("/images/sha256:1/json", R"({"Config":{"Labels":{"fairlead.signature":"x"}}})");
  CHECK(app_of(observe_blog(engine), "blog").containers.empty());
}

TEST_CASE("a name that was found taken is looked at: by a stranger it is a conflict") {
  Memory memory;
  memory.suspects.insert("blog.web.x");
  Scope scope;
  scope.memory = &memory;
  Engine engine;
  engine.json("/containers/blog.web.x/json",
              R"({"Config":{"Labels":{"com.docker.compose.project":"legacy"}}})");
  CHECK(app_of(observe_blog(engine, scope), "blog").foreign.at("blog.web.x") ==
        "a container of the Compose project legacy");
  engine.json("/containers/blog.web.x/json",
              Json::object({{"Config", Json::object({{"Labels", owner_labels(test_keys(), web)}})}})
                  .dump());
  CHECK(app_of(observe_blog(engine, scope), "blog").foreign.empty());
  CHECK(app_of(observe_blog(Engine(), scope), "blog").foreign.empty());
}

TEST_CASE("networks and volumes that only resemble the app's are left out") {
  Engine engine;
  engine.json("/networks", "[" + network("blog", "blog") + "," + network("blog2", "blog2") + "]");
  engine.json("/volumes", R"({"Volumes":[{"Name":"blog.data"},{"Name":"blogxdata"}]})");
  const Observation outcome = observe_blog(engine);
  REQUIRE(app_of(outcome, "blog").networks.size() == 1);
  CHECK(app_of(outcome, "blog").networks[0].id == "id-blog");
  REQUIRE(app_of(outcome, "blog").volumes.size() == 1);
  CHECK_FALSE(app_of(outcome, "blog").volumes[0].ours);
}

TEST_CASE("a filter is percent-encoded JSON") {
  CHECK(filters(Json::object({{"name", Json::array({"^blog.data$"})}})) ==
        "%7B%22name%22%3A%5B%22%5Eblog.data%24%22%5D%7D");
}

TEST_CASE(
    "A2: what listens on the host is asked before a published container is made, and only then") {
  const auto asked = [](const std::string& manifest, const std::string& host) {
    const Scene scene = parse_scene(manifest, "", "");
    Platform platform;
    platform.engine.host = host;
    Scope scope;
    scope.app = "blog";
    scope.wanted = scene.wanted.get();
    scope.platform = &platform;
    int tables = 0;
    auto observer = observe_app(test_keys(), session(), scope);
    std::size_t index = 0;
    const Engine engine;
    for (auto calls = observer->next(); !calls.empty(); calls = observer->next()) {
      for (const Call& call : calls) {
        const auto* http = std::get_if<HttpCall>(&call);
        const auto* file = std::get_if<FileCall>(&call);
        if (file && file->area == FileCall::Area::sockets) ++tables;
        REQUIRE(observer->take(index++, engine.answer(http ? http->path.substr(6) : "none")).ok());
      }
    }
    return tables;
  };
  const std::string blog = "name: blog\nimage: a:1\n";
  const std::string published = blog + "expose: [{proto: tcp, port: 25, publish: 2525}]\n";
  CHECK(asked(published, "unix:///var/run/docker.sock") == 2);
  CHECK(asked(blog, "unix:///var/run/docker.sock") == 0);
  CHECK(asked(published, "tcp://192.0.2.1:2376") == 0);
}
