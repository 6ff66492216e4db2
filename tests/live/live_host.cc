#include "tests/live/live_host.h"

#include <doctest/doctest.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "reconciler/live/control_client.h"
#include "tests/live/busybox_image.h"

namespace fairlead::testing {
namespace {

namespace fs = std::filesystem;

constexpr milliseconds poll{40};
constexpr std::size_t log_shown_max = 3000;

std::string new_folder() {
  const std::string shared = environment("FAIRLEAD_TEST_SHARED", "/tmp");
  fs::create_directories(shared);
  std::string name = shared + "/fairlead-live-XXXXXX";
  REQUIRE(::mkdtemp(name.data()) != nullptr);
  return name;
}

void write_text(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

// Different in each process, and short enough for an app's name.
std::string new_suffix() {
  static int hosts = 0;
  char text[24];
  std::snprintf(text, sizeof text, "-%x-%d", static_cast<unsigned>(::getpid()), ++hosts);
  return text;
}

}  // namespace

LiveHost::LiveHost(const std::string& settings, const std::string& socket)
    : suffix_(new_suffix()),
      folder_(new_folder()),
      log_(folder_ + "/log"),
      engine_(socket.empty() ? LiveEngine::default_socket() : socket) {
  engine_.make_images();
  for (const char* part : {"manifests", "secrets", "certificates", "run", "beside"}) {
    fs::create_directories(folder_ + "/" + part);
  }
  write_text(folder_ + "/fairlead.yml",
             "folders:\n  manifests: " + folder_ + "/manifests\n  secrets: " + folder_ +
                 "/secrets\n  state: " + folder_ + "/state\n  mounted_secrets: " + folder_ +
                 "/run/secrets\n  edge: " + folder_ + "/state/edge\n  certificates: " + folder_ +
                 "/certificates\nsocket: " + folder_ + "/run/control.sock\n" +
                 (settings.find("engine:") == settings.npos
                      ? "engine: {host: \"unix://" + engine_.socket() + "\"}\n"
                      : "") +
                 (settings.find("prune:") == settings.npos ? "prune: {grace: 300ms}\n" : "") +
                 "network: {pool: 10.231.0.0/16}\n" + settings);
}

LiveHost::~LiveHost() {
  daemon_.reset();
  try {
    remove_all();
  } catch (...) {
    MESSAGE("objects of this test may be left on the engine: " << folder_);
  }
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

void LiveHost::remove_all() const {
  for (const auto& [kind, name] : foreign_) {
    engine_.call("DELETE", "/" + kind + "s/" + name + "?force=1");
  }
  // The folder may be gone by now.
  const std::string id =
      installation_.empty() ? read_text(folder_ + "/state/installation") : installation_;
  if (id.empty() || !engine_.answers()) return;
  const auto listed = [&](const std::string& path) {
    return engine_.call(
        "GET", path + "filters=%7B%22label%22%3A%5B%22fairlead.installation%3D" + id + "%22%5D%7D");
  };
  const Json containers = listed("/containers/json?all=1&").body;
  for (const Json& container : containers.items()) {
    engine_.call("DELETE", "/containers/" + container["Id"].as_string() + "?force=1");
  }
  const Json networks = listed("/networks?").body;
  for (const Json& network : networks.items()) {
    engine_.call("DELETE", "/networks/" + network["Id"].as_string());
  }
  const Json volumes = listed("/volumes?").body;
  for (const Json& volume : volumes["Volumes"].items()) {
    engine_.call("DELETE", "/volumes/" + volume["Name"].as_string());
  }
}

void LiveHost::foreign(const std::string& kind, const std::string& name) {
  foreign_.emplace_back(kind, name);
}

void LiveHost::put(const std::string& file, const std::string& text) const {
  const std::string beside = folder_ + "/beside/next";
  write_text(beside, text);
  fs::create_directories(fs::path(folder_ + "/manifests/" + file).parent_path());
  fs::rename(beside, folder_ + "/manifests/" + file);
}

void LiveHost::drop(const std::string& file) const {
  REQUIRE(fs::remove(folder_ + "/manifests/" + file));
}

void LiveHost::start(const std::string& program) {
  REQUIRE(!runs());
  Child::Setup setup;
  setup.output = log_;
  setup.network_of = engine_.pid();
  daemon_.emplace(std::vector<std::string>{program.empty() ? FAIRLEAD_BINARY : program, "--config",
                                           folder_ + "/fairlead.yml", "run"},
                  setup);
  until("the daemon answers", [&] { return !status().is_null(); });
  installation_ = read_text(folder_ + "/state/installation");
}

void LiveHost::kill() {
  daemon_->signal(SIGKILL);
  REQUIRE(daemon_->wait(seconds(5)).has_value());
}

std::optional<int> LiveHost::stop(seconds limit) {
  daemon_->signal(SIGTERM);
  return daemon_->wait(limit);
}

LiveHost::Ran LiveHost::run(const std::vector<std::string>& words, seconds limit) const {
  static int runs = 0;
  Child::Setup setup;
  setup.output = folder_ + "/out." + std::to_string(++runs);
  setup.errors = setup.output + ".errors";
  setup.network_of = engine_.pid();
  std::vector<std::string> all = {FAIRLEAD_BINARY, "--config", folder_ + "/fairlead.yml"};
  all.insert(all.end(), words.begin(), words.end());
  Child child(all, setup);
  const std::optional<int> code = child.wait(limit);
  REQUIRE_MESSAGE(code.has_value(), "fairlead " << words.front() << " does not end");
  return {*code, read_text(setup.output), read_text(setup.errors)};
}

Json LiveHost::status() const {
  const auto answer = live::ask(folder_ + "/run/control.sock", "status", {});
  return answer && answer->status < 300 ? answer->body : Json();
}

Json LiveHost::app(const std::string& name) const {
  const Json all = status();
  for (const Json& app : all["apps"].items()) {
    if (app["name"].as_string() == name) return app;
  }
  return {};
}

std::vector<Json> LiveHost::containers(const std::string& app) const {
  const std::string id = read_text(folder_ + "/state/installation");
  std::vector<Json> all =
      engine_.containers({"fairlead.installation=" + id, "fairlead.app=" + app});
  std::erase_if(all,
                [](const Json& container) { return container["Labels"].has("fairlead.image"); });
  return all;
}

std::vector<std::string> LiveHost::names(const std::string& app) const {
  std::vector<std::string> names;
  for (const Json& container : containers(app)) names.push_back(name_of(container));
  return names;
}

Json LiveHost::only(const std::string& app) const {
  const std::vector<Json> all = containers(app);
  REQUIRE_MESSAGE(all.size() == 1, app << " has " << all.size() << " containers");
  return engine_.inspect(all.front()["Id"].as_string());
}

std::string LiveHost::trouble(const std::string& what) const {
  const std::string whole = log();
  const std::size_t from = whole.size() > log_shown_max ? whole.size() - log_shown_max : 0;
  return "in vain: " + what + "\n" + run({"status"}).out + "\n…" + whole.substr(from);
}

void LiveHost::until(const std::string& what, const std::function<bool()>& holds,
                     seconds limit) const {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!holds()) {
    if (std::chrono::steady_clock::now() >= end) FAIL(trouble(what));
    std::this_thread::sleep_for(poll);
  }
}

bool LiveHost::well(const std::string& name) const {
  const Json seen = app(name);
  return seen["sync"].as_string() == "Synced" && seen["health"].as_string() == "Healthy";
}

void LiveHost::until_well(const std::vector<std::string>& apps, seconds limit) const {
  until(
      "all are well, " + apps.front() + " and what follows",
      [&] {
        const Json all = status();
        std::size_t good = 0;
        for (const Json& app : all["apps"].items()) {
          const bool asked =
              std::find(apps.begin(), apps.end(), app["name"].as_string()) != apps.end();
          good +=
              asked && app["sync"].as_string() == "Synced" && app["health"].as_string() == "Healthy"
                  ? 1
                  : 0;
        }
        return good == apps.size();
      },
      limit);
}

std::string LiveHost::revision(const std::string& name) const {
  return app(name)["revision"]["wanted"].as_string();
}

void LiveHost::until_new(const std::string& name, const std::string& before) const {
  until(name + " is well in a new revision",
        [&] { return revision(name) != before && well(name); });
}

std::string manifest(const std::string& app, const std::string& more, const std::string& image) {
  return "name: " + app + "\nimage: " + image + "\n" +
         (more.find("health:") == more.npos ? health("true") : "") + more;
}

std::string health(const std::string& command) {
  std::string words;
  std::istringstream split(command);
  for (std::string word; split >> word;) words += (words.empty() ? "" : ", ") + ('"' + word + '"');
  return "health: {command: [" + words + "], interval: 200ms, timeout: 5s, start_period: 10s}\n";
}

}  // namespace fairlead::testing
