// Golden plans: tests/golden/plans/*.txt hold a manifest, what is seen, and what comes of it. They
// are written anew with GOLDEN_UPDATE=1; what is recorded must be right, not only what the code
// says.

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "providers/docker/diff.h"
#include "providers/docker/network.h"
#include "tests/scene.h"

using namespace fairlead;
using namespace fairlead::docker;
using fairlead::testing::parse_scene;
using fairlead::testing::Scene;

namespace {

const std::filesystem::path golden = FAIRLEAD_SOURCE_DIR "/tests/golden/plans";

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

void write_sections(const std::filesystem::path& path, const Sections& sections) {
  std::ofstream file(path);
  for (const auto& [name, text] : sections) file << "--- " << name << "\n" << text;
}

std::vector<std::filesystem::path> golden_files() {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(golden)) {
    paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

Scene scene_of(const Sections& sections) {
  return parse_scene(section(sections, "manifest"), section(sections, "before"),
                     section(sections, "seen"));
}

}  // namespace

TEST_CASE("golden plans: each manifest and world gives exactly the plan and report beside it") {
  const bool update = std::getenv("GOLDEN_UPDATE") != nullptr;
  const auto files = golden_files();
  CHECK(files.size() >= 60);
  for (const auto& path : files) {
    CAPTURE(path.filename().string());
    Sections sections = read_sections(path);
    const Scene scene = scene_of(sections);
    const std::string plan = scene.plan_text();
    const std::string report = scene.report_text();
    if (update) {
      Sections written;
      for (auto& held : sections) {
        if (held.first != "plan" && held.first != "report") written.push_back(held);
      }
      written.emplace_back("plan", plan);
      written.emplace_back("report", report);
      write_sections(path, written);
    }
    CHECK(plan == section(read_sections(path), "plan"));
    CHECK(report == section(read_sections(path), "report"));
  }
}

TEST_CASE("what others plan to take of the pool is not planned a second time") {
  const Scene scene = parse_scene("name: blog\nimage: a:1\n", "",
                                  "image a:1 present\nclaim 10.213.0.0/26 other\n"
                                  "claim 10.213.0.64/26 blog\nsubnet 10.213.0.128/26\n");
  const auto [plan, report] = scene.diff();
  REQUIRE(!plan.empty());
  CHECK(plan.steps()[0].claim == Subnet::parse("10.213.0.64/26")->range());
}

TEST_CASE("every container of an app gets an address of its own, and never one that is in use") {
  const Scene scene = parse_scene("name: blog\nimage: a:1\ndeploy: {replicas: 3}\n", "",
                                  "image a:1 present\nnetwork blog 10.213.0.0/26\n"
                                  "container blog.web.NEW running healthy\n");  // has 10.213.0.2
  std::string addresses;
  const auto [plan, report] = scene.diff();
  for (const Step& step : plan.steps()) {
    if (step.verb != "create") continue;
    const Json body = *Json::parse(std::get<HttpCall>(step.request).body);
    const Json& endpoint = body["NetworkingConfig"]["EndpointsConfig"]["blog"];
    addresses += endpoint["IPAMConfig"]["IPv4Address"].as_string() + " ";
    CHECK(endpoint["Aliases"].dump() == R"(["web","blog"])");
  }
  CHECK(addresses == "10.213.0.3 10.213.0.4 ");
}

TEST_CASE("the app's name leads to its main process alone, each other process has its own") {
  const Scene scene = parse_scene(
      "name: blog\nimage: a:1\nprocesses: {worker: {command: [w]}}\n", "",
      "image a:1 present\nnetwork blog 10.213.0.0/26\n"
      "container blog.worker.NEW running healthy detached\n");  // and one that is connected again
  std::string aliases;
  const auto [plan, report] = scene.diff();
  for (const Step& step : plan.steps()) {
    const auto* call = std::get_if<HttpCall>(&step.request);
    if (!call || (step.verb != "create" && step.verb != "connect")) continue;
    const Json body = *Json::parse(call->body);
    const Json& endpoint = step.verb == "connect"
                               ? body["EndpointConfig"]
                               : body["NetworkingConfig"]["EndpointsConfig"]["blog"];
    aliases += step.verb + " " + endpoint["Aliases"].dump() + "\n";
  }
  CHECK(aliases == "create [\"web\",\"blog\"]\nconnect [\"worker\"]\n");
}

TEST_CASE("the steps that can take long by their nature hold no slot, and no other does") {
  const Scene scene = parse_scene("name: blog\nimage: a:2\nneeds: [storage]\n",
                                  "name: blog\nimage: a:1\nneeds: [storage]\n",
                                  "network blog 10.213.0.0/26\nvolume blog.data\n"
                                  "image a:2 missing\ncontainer blog.web.OLD running healthy\n");
  const auto [plan, report] = scene.diff();
  std::string patient;
  for (const Step& step : plan.steps()) {
    if (step.patient) patient += step.verb + " ";
  }
  CHECK(patient == "pull stop ");
}

TEST_CASE("health checks are asked at the container's address, of running containers alone") {
  const std::string manifest =
      "name: blog\nimage: a:1\nexpose: [{proto: http, port: 8080}]\ndeploy: {replicas: 2}\n"
      "health: {http: /up, interval: 2s, timeout: 3s, start_period: 4s}\n";
  const Scene scene = parse_scene(manifest, "",
                                  "network blog 10.213.0.0/26\n"
                                  "container blog.web.NEW running age=10s\n"
                                  "container blog.web.NEW.2 exited age=10s\n"
                                  "container blog.web.ELSE running age=10s\n");
  const View view = scene.view();
  const std::vector<Probe> probes = health_probes(view);
  REQUIRE(probes.size() == 1);
  const auto& call = std::get<HttpCall>(probes[0].call);
  CHECK(call.endpoint == "10.213.0.2:8080");
  CHECK(call.path == "/up");
  CHECK(call.method == "GET");
  CHECK(call.headers.empty());
  CHECK(call.timeout == std::chrono::seconds(3));
  CHECK(probes[0].subject == "GET /up");
  CHECK(probes[0].interval == std::chrono::seconds(2));
  CHECK(probes[0].lenient_until == scene.now.steady - std::chrono::seconds(6));
  CHECK(probes[0].key == "c1-blog.web.NEW 10s ago");
}

TEST_CASE("where nobody says a check the exposed ports are asked, of the main process alone") {
  const std::string manifest =
      "name: blog\nimage: a:1\nexpose: [{port: 80}, {proto: tcp, port: 25}, {port: 80, path: /x}]\n"
      "processes: {worker: {command: [work]}}\n";
  const auto asked = [&](const std::string& state, const std::string& more = "") {
    const Scene scene = parse_scene(
        manifest + more, "",
        "container blog.web.NEW " + state + "\ncontainer blog.worker.NEW running age=1h\n");
    const View view = scene.view();
    std::string all;
    for (const Probe& probe : health_probes(view)) {
      const auto& call = std::get<ConnectCall>(probe.call);
      all += call.endpoint + " " + probe.subject + " " + probe.key + "\n";
    }
    return all;
  };
  CHECK(asked("running age=1h") ==
        "10.213.0.2:80 nothing accepts on port 80 c1-blog.web.NEW 1h ago 80\n"
        "10.213.0.2:25 nothing accepts on port 25 c1-blog.web.NEW 1h ago 25\n");
  CHECK(asked("exited") == "");
  CHECK(asked("running healthy") == "");  // its image says a HEALTHCHECK
  CHECK(asked("running", "health: {disable: true}\n") == "");
  CHECK(asked("running", "health: {command: [check]}\n") == "");
}
