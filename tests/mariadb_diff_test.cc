// Golden plans: tests/golden/mariadb/*.txt hold a manifest, what is seen, and what comes of it.
// They are written anew with GOLDEN_UPDATE=1; what is recorded must be right, not only what the
// code says.

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

#include "providers/mariadb/diff.h"
#include "providers/mariadb/policy.h"
#include "tests/mariadb_scene.h"

using namespace fairlead;
using namespace fairlead::mariadb;
using fairlead::mariadb::testing::parse_scene;
using fairlead::mariadb::testing::Scene;

namespace {

const std::filesystem::path golden = FAIRLEAD_SOURCE_DIR "/tests/golden/mariadb";

using Sections = std::map<std::string, std::string>;

Sections read_sections(const std::filesystem::path& path) {
  Sections sections;
  std::string name;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (line.rfind("--- ", 0) == 0) {
      name = line.substr(4);
    } else {
      sections[name] += line + "\n";
    }
  }
  return sections;
}

void write_sections(const std::filesystem::path& path, Sections sections) {
  std::ofstream file(path);
  for (const char* name : {"manifest", "seen", "plan", "statements", "report"}) {
    file << "--- " << name << "\n" << sections[name];
  }
}

std::set<std::filesystem::path> golden_files() {
  const std::filesystem::directory_iterator all(golden);
  return {begin(all), end(all)};
}

Scene scene_of(Sections sections) { return parse_scene(sections["manifest"], sections["seen"]); }

}  // namespace

TEST_CASE("golden plans of MariaDB: each world gives exactly the plan and report beside it") {
  const auto files = golden_files();
  CHECK(files.size() >= 40);
  for (const auto& path : files) {
    CAPTURE(path.filename().string());
    Sections held = read_sections(path);
    const Scene scene = scene_of(held);
    const Sections made = {{"plan", scene.diff().first.text()},
                           {"statements", scene.statements()},
                           {"report", scene.report_text()}};
    for (const auto& [name, text] : made) {
      if (std::getenv("GOLDEN_UPDATE") != nullptr) held[name] = text;
      CHECK(text == held[name]);
    }
    if (std::getenv("GOLDEN_UPDATE") != nullptr) write_sections(path, held);
  }
}

TEST_CASE(
    "the policy lets every statement of the golden plans pass, and each says that it writes") {
  int statements = 0;
  for (const auto& path : golden_files()) {
    CAPTURE(path.filename().string());
    const auto [plan, report] = scene_of(read_sections(path)).diff();
    for (const Step& step : plan.steps()) {
      if (step.waits()) continue;
      const auto& call = std::get<SqlCall>(step.request);
      CAPTURE(call.statement);
      ++statements;
      CHECK(call.writes());
      CHECK(check_policy(call).ok());
    }
  }
  CHECK(statements > 30);
}

TEST_CASE("no plan, cause or report shows a hash or a password") {
  for (const auto& path : golden_files()) {
    CAPTURE(path.filename().string());
    const Scene scene = scene_of(read_sections(path));
    const std::string shown = scene.diff().first.text() + scene.report_text();
    CHECK(shown.find(testing::hash_of("R1")) == shown.npos);
    CHECK(shown.find(testing::hash_of("X")) == shown.npos);
    CHECK(shown.find(app_password(testing::keys(), "blog", 1).reveal()) == shown.npos);
  }
}

TEST_CASE("an app that has a name of the server's own is a conflict, whatever is seen") {
  Scene scene = parse_scene("name: mysql\nimage: a:1\nneeds: [database]\n", "");
  Plan plan;
  Report report;
  View view = scene.view();
  view.app = "mysql";
  diff_app(testing::keys(), view, plan, report);
  CHECK(!plan.has_requests());
  REQUIRE(report.conflicts.size() == 1);
  CHECK(report.conflicts[0].resource == "database mysql");
}

TEST_CASE("class A13: an app that says no limit has one, and who has most is told of too many") {
  const Scene scene =
      parse_scene("name: blog\nimage: a\nneeds: [database]\n", "database ours\naccount R1 max=0\n");
  CHECK(scene.statements().find("MAX_USER_CONNECTIONS 50 ") != std::string::npos);
  const auto warnings = [&](int promised, const std::string& largest) {
    SeenServer server;
    server.connections_max = 300;
    server.promised = promised;
    server.largest = largest;
    View view = scene.view();
    view.shared = &server;
    Plan plan;
    Report report;
    diff_app(fairlead::mariadb::testing::keys(), view, plan, report);
    return report.warnings;
  };
  CHECK(warnings(290, "blog").empty());
  CHECK(warnings(291, "shop").empty());
  REQUIRE(warnings(291, "blog").size() == 1);
  CHECK(warnings(291, "blog").begin()->find("connections_max add up to 291, MariaDB has 300") !=
        std::string::npos);
}
