#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <string>
#include <vector>

#include "reconciler/app.h"
#include "reconciler/image_manifest.h"
#include "reconciler/platform.h"

// What deploy/quickstart installs, read by the parsers that will read it.
namespace fairlead {
namespace {

const std::filesystem::path deploy = std::filesystem::path(FAIRLEAD_SOURCE_DIR) / "deploy";

std::string text_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  REQUIRE_MESSAGE(file.good(), path.string());
  return {std::istreambuf_iterator<char>(file), {}};
}

// "# engine:" and "#   host: …" → settings; sentences stay comments.
std::string with_settings_uncommented(const std::string& text) {
  static const std::regex setting(R"((^|\n)# (( {2})*[a-z_.]+:( |\n)))");
  std::string all = text;
  for (std::string before; before != all;) {  // neighbours share a line's end
    before = all;
    all = std::regex_replace(before, setting, "$1$2");
  }
  return all;
}

App only_app_of(const std::filesystem::path& path) {
  const auto manifest = parse_manifest(path.filename(), text_of(path));
  for (const auto& error : manifest.errors) FAIL(error.text());
  REQUIRE(manifest.apps.size() == 1);
  return *manifest.apps[0].app;
}

}  // namespace

TEST_CASE("the example manifests are valid") {
  int apps = 0;
  for (const auto& entry : std::filesystem::directory_iterator(deploy / "examples")) {
    const auto manifest = parse_manifest(entry.path().filename(), text_of(entry.path()));
    for (const auto& error : manifest.errors) FAIL_CHECK(error.text());
    for (const auto& parsed : manifest.apps) apps += parsed.app.has_value() ? 1 : 0;
  }
  CHECK(apps >= 2);
}

TEST_CASE("the services are apps whose root password fairlead derives, too") {
  const App database = only_app_of(deploy / "platform" / "mariadb.yml");
  CHECK(database.name == "mariadb");
  CHECK(database.secrets.at("MARIADB_ROOT_PASSWORD").generate == 32);
  CHECK_FALSE(database.secrets.at("MARIADB_ROOT_PASSWORD").as_env);
  const App bus = only_app_of(deploy / "platform" / "rabbitmq.yml");
  CHECK(bus.name == "rabbitmq");
  CHECK(bus.secrets.at("RABBITMQ_DEFAULT_PASS").generate == 32);
  CHECK_FALSE(bus.secrets.at("RABBITMQ_DEFAULT_PASS").as_env);
  CHECK(bus.env.at("RABBITMQ_DEFAULT_USER") == "fairlead");
}

TEST_CASE("the services keep their data, have limits, and publish nothing on the host") {
  for (const char* service : {"mariadb.yml", "rabbitmq.yml"}) {
    const App app = only_app_of(deploy / "platform" / service);
    CAPTURE(app.name);
    CHECK(app.needs.storage);
    CHECK(app.main.resources.memory);
    CHECK(app.main.health);
    for (const Expose& expose : app.expose) CHECK_FALSE(expose.publish);
  }
}

TEST_CASE("the edge is an app that asks nginx for its generation and says nothing of ports") {
  const App edge = only_app_of(deploy / "platform" / "edge.yml");
  CHECK(edge.name == "edge");
  CHECK(edge.expose.empty());
  REQUIRE(edge.main.health);
  CHECK(edge.main.health->http == "/generation");
  CHECK(edge.main.health->port == Platform{}.edge.status_port);
  CHECK(edge.main.stop_signal == "SIGQUIT");
  CHECK(edge.main.resources.memory);
}

TEST_CASE("the mini manifest in the demo image and two lines in the folder make an app") {
  const auto image =
      parse_image_manifest({"fairlead/ledger:1", "/cloud_manifest.yml",
                            text_of(deploy / "images" / "ledger" / "cloud_manifest.yml")});
  CHECK(image.errors.empty());
  CHECK(image.ignored.empty());
  const App folder = only_app_of(deploy / "examples" / "ledger.yml");
  CHECK_FALSE(folder.needs.database);
  const ParsedApp whole = parse_app(merged(*folder.document, image.document));
  for (const auto& error : whole.errors) FAIL(error.text());
  REQUIRE(whole.app);
  CHECK(whole.app->needs.database);
  CHECK(whole.app->needs.messagebus);
  REQUIRE(whole.app->expose.size() == 1);
  CHECK(whole.app->expose[0].port == 8080);
}

TEST_CASE("the platform file that is installed is valid and changes no default") {
  const auto parsed = parse_platform("fairlead.yml", text_of(deploy / "fairlead.yml"));
  for (const auto& error : parsed.errors) FAIL_CHECK(error.text());
  CHECK(parsed.platform.domain == Platform{}.domain);
  CHECK(parsed.platform.mount_roots.empty());
}

TEST_CASE("what the installed platform file shows in comments is valid and the default") {
  const auto text = with_settings_uncommented(text_of(deploy / "fairlead.yml"));
  const auto parsed = parse_platform("fairlead.yml", text);
  for (const auto& error : parsed.errors) FAIL_CHECK(error.text());
  const Platform defaults;
  CHECK(parsed.platform.registries.size() == 1);
  CHECK(parsed.platform.folders.manifests == defaults.folders.manifests);
  CHECK(parsed.platform.folders.secrets == defaults.folders.secrets);
  CHECK(parsed.platform.folders.state == defaults.folders.state);
  CHECK(parsed.platform.engine.host == defaults.engine.host);
  CHECK(parsed.platform.engine.concurrency == defaults.engine.concurrency);
  CHECK(parsed.platform.engine.resync == defaults.engine.resync);
  CHECK(parsed.platform.network.pool == defaults.network.pool);
  CHECK(parsed.platform.prune.fuse_apps == defaults.prune.fuse_apps);
  CHECK(parsed.platform.prune.fuse_percent == defaults.prune.fuse_percent);
  CHECK(parsed.platform.prune.grace == defaults.prune.grace);
  CHECK(parsed.platform.log.format == defaults.log.format);
}

}  // namespace fairlead
