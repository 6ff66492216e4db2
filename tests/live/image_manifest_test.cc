#include <doctest/doctest.h>
#include <unistd.h>

#include <map>

#include "tests/live/live_host.h"

// Apps whose images say what they need: the folder's manifest is a name and an image.
namespace fairlead::testing {
namespace {

bool says(const std::string& text, const std::string& part) { return text.find(part) != text.npos; }

const std::string serves =
    "name: any\nexpose: [{proto: http, port: 8080}]\nneeds: [storage]\n"
    "health: {http: /cloud_manifest.yml, interval: 200ms}\n";

// Images of this process's own that serve their files; removed at the end.
class Images {
 public:
  explicit Images(const LiveEngine& engine)
      : engine_(engine), name_("fairlead-test/carries-" + std::to_string(::getpid())) {}
  ~Images() {
    for (const std::string& ref : made_) engine_.call("DELETE", "/images/" + ref + "?force=1");
  }
  Images(const Images&) = delete;
  Images& operator=(const Images&) = delete;

  // With a VOLUME, of which a reader must make nothing.
  std::string make(const std::string& tag, const std::map<std::string, std::string>& files,
                   std::vector<std::string> changes = {}) {
    changes.push_back(R"(CMD ["httpd", "-f", "-p", "8080", "-h", "/"])");
    changes.push_back("VOLUME /scratch");
    engine_.import_image(name_, tag, changes, files);
    made_.push_back(name_ + ":" + tag);
    return made_.back();
  }

 private:
  LiveEngine engine_;
  std::string name_;
  std::vector<std::string> made_;
};

std::string mini(const std::string& app, const std::string& image) {
  return "name: " + app + "\nimage: " + image + "\n";
}

bool has_env(const Json& container, const std::string& pair) {
  return says(container["Config"]["Env"].dump(), "\"" + pair + "\"");
}

// Containers of the app that were made to read an image.
std::size_t readers(const LiveHost& host, const std::string& app) {
  return host.engine().containers({"fairlead.app=" + app, "fairlead.image"}).size();
}

TEST_CASE(
    "a name and an image are enough where the image says the rest, and its next one says more") {
  LiveHost host;
  Images images(host.engine());
  const std::string app = host.name("mini");
  const std::string first = images.make("1", {{"cloud_manifest.yml", serves}});
  host.put("mini.yml", mini(app, first));
  host.start();
  host.until_well(app);
  const Json container = host.only(app);
  CHECK(says(container["Mounts"].dump(), app + ".data"));
  host.until("the reader is gone", [&] { return readers(host, app) == 0; });
  const std::string explain = host.run({"explain", app}).out;
  CHECK(says(explain, first + ":/cloud_manifest.yml:2"));
  CHECK(says(explain, "mini.yml:1"));

  host.kill();
  host.start();
  host.until_well(app);
  CHECK(host.only_id(app) == container["Id"].as_string());

  const std::string before = host.revision(app);
  const std::string second = images.make(
      "2", {{"cloud_manifest.json", R"({"expose": [{"port": 8080}], "env": {"EDITION": "two"}})"}});
  host.put("mini.yml", mini(app, second));
  host.until_new(app, before);
  CHECK(has_env(host.only(app), "EDITION=two"));
  CHECK(readers(host, app) == 0);
  CHECK(host.engine().has_volume(app + ".data"));
}

TEST_CASE("a label says it too, and apply ends when it is carried out") {
  LiveHost host;
  Images images(host.engine());
  const std::string app = host.name("label");
  const std::string image = images.make(
      "label", {}, {R"(LABEL fairlead.manifest="{expose: [{port: 8080}], env: {FROM: label}}")"});
  host.put("label.yml", mini(app, image));
  const auto plan = host.run({"plan"});
  CHECK(says(plan.out, "create container " + app + ".web."));
  const auto applied = host.run({"apply"});
  const std::string said = applied.out + applied.err;
  CHECK_MESSAGE(applied.code == 0, said);
  CHECK(has_env(host.only(app), "FROM=label"));
}

TEST_CASE("a manifest in an image that is no plain file, or wrong, stops its app alone, in words") {
  LiveHost host;
  Images images(host.engine());
  const std::string app = host.name("bad");
  host.put("bad.yml", mini(app, images.make("good", {{"cloud_manifest.yml", serves}})));
  host.start();
  host.until_well(app);
  const std::string id = host.only_id(app);
  std::map<std::string, std::string> files;
  std::string why = "/cloud_manifest.yml: ";
  SUBCASE("a symbolic link") { files["cloud_manifest.yml"] = "-> /etc/shadow"; }
  SUBCASE("a folder") { files["cloud_manifest.yml/inner"] = "name: any\n"; }
  SUBCASE("larger than all allowed") {
    files["cloud_manifest.yml"] = std::string(3u << 20, '#');
    why = "no more than 1 MiB";
  }
  SUBCASE("wrong") {
    files["cloud_manifest.yml"] = "expose: [{port: 70000}]\n";
    why = "must be 1..65535, got 70000";
  }
  host.put("bad.yml", mini(app, images.make("bad", files)));
  host.until("it is told", [&] { return says(host.app(app)["message"].as_string(), why); });
  host.until("the reader is gone", [&] { return readers(host, app) == 0; });
  CHECK(host.only_id(app) == id);
  CHECK(host.app(app)["health"].as_string() == "Healthy");
}

}  // namespace
}  // namespace fairlead::testing
