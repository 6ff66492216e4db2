// Golden plans: tests/golden/rabbitmq/*.txt hold a manifest, what is seen, and what comes of it,
// down to the requests. They are written anew with GOLDEN_UPDATE=1; what is recorded must be right,
// not only what the code says.

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tests/rabbitmq_scene.h"

using namespace fairlead;
using fairlead::testing::BusScene;

namespace {

using Sections = std::vector<std::pair<std::string, std::string>>;

Sections read_sections(const std::filesystem::path& path) {
  Sections sections;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (line.rfind("--- ", 0) == 0) {
      sections.emplace_back(line.substr(4), "");
    } else if (!sections.empty()) {
      sections.back().second += line + "\n";
    }
  }
  return sections;
}

std::string section(const Sections& sections, const std::string& name) {
  for (const auto& [held, text] : sections) {
    if (held == name) return text;
  }
  return "";
}

std::string requests_text(const Plan& plan) {
  std::string text;
  for (const Step& step : plan.steps()) {
    const auto* call = std::get_if<HttpCall>(&step.request);
    if (!call) continue;
    text += call->method + " " + call->path + (call->body.empty() ? "" : " ") + call->body + "\n";
  }
  return text;
}

std::string report_text(const Report& report) {
  std::string text;
  for (const ResourceState& held : report.resources) {
    text += held.kind + " " + held.name + ": " + held.state;
    text += (held.cause.empty() ? "" : "; ") + held.cause + "\n";
  }
  for (const Conflict& conflict : report.conflicts) {
    text += "conflict " + conflict.resource + ": " + conflict.message + "\n";
  }
  return text + sync_name(report.sync) + ", " + health_name(report.health) + "\n";
}

Sections outcome_of(const Sections& given) {
  const BusScene scene(section(given, "manifest"), section(given, "seen"));
  const auto [plan, report] = scene.diff();
  for (const Step& step : plan.steps()) {
    const auto* call = std::get_if<HttpCall>(&step.request);
    if (call) CHECK(scene.provider->policy(*call, scene.platform, nullptr).ok());
  }
  return {
      {"plan", plan.text()}, {"requests", requests_text(plan)}, {"report", report_text(report)}};
}

}  // namespace

TEST_CASE("every golden plan of the message bus is made, and its policy lets it pass") {
  const std::filesystem::path folder = FAIRLEAD_SOURCE_DIR "/tests/golden/rabbitmq";
  int cases = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    CAPTURE(entry.path().filename().string());
    Sections given = read_sections(entry.path());
    const Sections made = outcome_of(given);
    ++cases;
    if (std::getenv("GOLDEN_UPDATE")) {
      std::ofstream file(entry.path());
      for (const char* name : {"manifest", "seen"}) {
        file << "--- " << name << "\n" << section(given, name);
      }
      for (const auto& [name, text] : made) file << "--- " << name << "\n" << text;
      continue;
    }
    for (const auto& [name, text] : made) CHECK(section(given, name) == text);
  }
  CHECK(cases >= 20);
}

TEST_CASE("a step that is carried out is not planned again") {
  const std::string manifest = "name: blog\nimage: a/b:1\nneeds: [messagebus]\n";
  CHECK(BusScene(manifest, "").diff().first.steps().size() == 7);
  CHECK(BusScene(manifest, "vhost blog bare\n").diff().first.steps().size() == 6);
  CHECK(BusScene(manifest, "vhost blog\n").diff().first.steps().size() == 2);
  CHECK(BusScene(manifest, "vhost blog\nuser blog\n").diff().first.steps().size() == 1);
  CHECK(
      BusScene(manifest, "vhost blog\nuser blog\npermission blog on blog\n").diff().first.empty());
}

TEST_CASE("no request and no line of a plan holds a password") {
  const std::string manifest = "name: blog\nimage: a/b:1\nneeds:\n- messagebus: {rotation: 2}\n";
  const auto [plan, report] = BusScene(manifest, "").diff();
  const std::string password =
      rabbitmq::password_of(fairlead::testing::bus_keys(), {"blog", 2}).reveal();
  REQUIRE(password.size() == 32);
  CHECK((requests_text(plan) + plan.text() + report_text(report)).find(password) ==
        std::string::npos);
}

TEST_CASE("apps whose names begin alike have nothing in common") {
  const std::string seen =
      "vhost blog-two\nuser blog-two\npermission blog-two on blog-two\nuser blogs.2\n"
      "vhost blog\nuser blog\npermission blog on blog\n";
  const BusScene gone("", seen);
  const auto [plan, report] = gone.diff("blog");
  CHECK(plan.text() == "1. remove user blog: the manifest is gone\n");
}
