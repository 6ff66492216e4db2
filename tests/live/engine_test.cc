#include <doctest/doctest.h>
#include <signal.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <thread>

#include "tests/live/live_host.h"
#include "tests/live/proxy.h"

// The engine goes away, hangs, and comes back.
namespace fairlead::testing {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

std::string through(const std::string& socket) {
  return "engine: {host: \"unix://" + socket + "\", resync: 2s}\n";
}

// A second engine of this machine's own kind, beside the first, that the test may kill.
class OwnEngine {
 public:
  OwnEngine() : folder_("/tmp/fairlead-engine-" + std::to_string(::getpid())) {
    fs::create_directories(folder_);
  }
  ~OwnEngine() {
    end(SIGTERM);
    end_containers();
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }
  std::string socket() const { return folder_ + "/socket"; }

  bool start() {
    fs::remove(folder_ + "/pid");
    Child::Setup setup;
    setup.output = folder_ + "/log";
    // Or it would remove the first engine's bridge and firewall rules.
    setup.own_network = true;
    child_.emplace(std::vector<std::string>{"/usr/sbin/dockerd", "--data-root", folder_ + "/data",
                                            "--exec-root", folder_ + "/exec", "--pidfile",
                                            folder_ + "/pid", "--host", "unix://" + socket(),
                                            "--bridge", "none", "--iptables=false"},
                   setup);
    const LiveEngine engine(socket());
    const auto limit = Clock::now() + seconds(30);
    while (!engine.answers()) {
      if (Clock::now() > limit || child_->wait(milliseconds(100))) return false;
    }
    return true;
  }
  void end(int signal) {
    if (!child_) return;
    child_->signal(signal);
    child_->wait(seconds(20));
    child_.reset();
  }
  std::string last_words() const {
    const std::string log = read_text(folder_ + "/log");
    return log.substr(log.size() > 500 ? log.size() - 500 : 0);
  }

 private:
  // What outlives an engine that was killed.
  void end_containers() const {
    for (const auto& process : fs::directory_iterator("/proc")) {
      const int pid = std::atoi(process.path().filename().c_str());
      const bool ours =
          read_text(process.path() / "cmdline").find(folder_ + "/") != std::string::npos;
      if (pid > 1 && pid != ::getpid() && ours) ::kill(pid, SIGKILL);
    }
    std::vector<std::string> mounts;
    std::istringstream lines(read_text("/proc/self/mounts"));
    for (std::string device, at, rest; lines >> device >> at && std::getline(lines, rest);) {
      if (at.starts_with(folder_ + "/")) mounts.push_back(at);
    }
    for (auto at = mounts.rbegin(); at != mounts.rend(); ++at) ::umount2(at->c_str(), MNT_DETACH);
  }

  std::string folder_;
  std::optional<Child> child_;
};

std::string health_of(const LiveHost& host, const std::string& app) {
  return host.app(app)["health"].as_string();
}

TEST_CASE("engine gone: Unknown, one try a second at most; back: what happened is mended") {
  const LiveEngine engine(LiveEngine::default_socket());
  const std::string path = "/tmp/fairlead-proxy-" + std::to_string(::getpid());
  Proxy proxy(path, engine.socket());
  LiveHost host(through(proxy.path()));
  const std::string app = host.name("away");
  const std::string late = host.name("late");
  host.put("away.yml", manifest(app));
  host.start();
  host.until_well(app);

  proxy.set(Proxy::Mode::refuse);
  host.until("it is told", [&] { return health_of(host, app) == "Unknown"; });
  CHECK(host.app(app)["sync"].as_string() == "Unknown");
  CHECK(host.app(app)["reason"].as_string() == "EngineUnreachable");
  CHECK_FALSE(host.status()["engine"]["connected"].as_bool());
  CHECK(host.run({"status"}).out.find("engine: not reachable: ") != std::string::npos);
  // What was on its way when the engine went is asked once more, on a new connection.
  std::this_thread::sleep_for(milliseconds(500));
  proxy.forget();
  engine.remove(host.only_id(app));
  host.put("late.yml", manifest(late));
  std::this_thread::sleep_for(seconds(4));
  const std::vector<Clock::time_point> tries = proxy.connections();
  CHECK(tries.size() >= 2);
  CHECK(tries.size() <= 5);
  // The first try may make two: one in place of a kept connection that is dead.
  for (std::size_t i = 2; i < tries.size(); ++i) {
    CHECK(tries[i] - tries[i - 1] > milliseconds(700));  // 1 s, but for a late accept
  }
  CHECK(host.containers(app).empty());

  proxy.set(Proxy::Mode::forward);
  host.until_well({app, late});
  CHECK(host.containers(app).size() == 1);
  CHECK(host.containers(late).size() == 1);
  CHECK(host.stop(seconds(10)) == 0);
}

TEST_CASE("an engine that hangs holds up neither status nor SIGTERM") {
  const LiveEngine engine(LiveEngine::default_socket());
  const std::string path = "/tmp/fairlead-proxy-" + std::to_string(::getpid());
  Proxy proxy(path, engine.socket());
  LiveHost host(through(proxy.path()));
  const std::string app = host.name("hung");
  host.put("hung.yml", manifest(app));
  host.start();
  host.until_well(app);
  proxy.set(Proxy::Mode::hang);
  host.put("hung.yml", manifest(app, "env: {A: b}\n"));
  std::this_thread::sleep_for(seconds(1));
  const auto begun = Clock::now();
  CHECK(host.run({"status"}).code == 0);
  // Any deadline for the engine's answer is longer.
  CHECK(Clock::now() - begun < seconds(4));
  CHECK(host.stop(seconds(2)) == 0);
}

TEST_CASE("after a restart of the engine, and after its death, all runs again, once") {
  if (LiveEngine(LiveEngine::default_socket()).pid() != 0) {
    MESSAGE("left out: on the second engine nothing restarts; the first one's run has this test");
    return;
  }
  OwnEngine own;
  if (!own.start()) {
    MESSAGE("NOTICE: left out, an engine of its own does not start here: " << own.last_words());
    return;
  }
  LiveHost host("engine: {host: \"unix://" + own.socket() + "\", resync: 5s}\n", own.socket());
  const std::string roll = host.name("roll");
  const std::string store = host.name("store");
  const auto put_both = [&](const std::string& more) {
    host.put("roll.yml", manifest(roll, more + "deploy: {replicas: 2}\n"));
    host.put("store.yml", manifest(store, more + "needs: [storage]\n"));
  };
  const auto all_once = [&] {
    return host.well(roll) && host.well(store) && host.containers(roll).size() == 2 &&
           host.containers(store).size() == 1;
  };
  put_both("");
  host.start();
  host.until_well({roll, store});
  for (const int signal : {SIGTERM, SIGKILL}) {
    CAPTURE(signal);
    const std::string before = host.revision(roll);
    own.end(signal);
    host.until("it is told", [&] { return health_of(host, roll) == "Unknown"; });
    put_both("env: {A: \"" + std::to_string(signal) + "\"}\n");
    // Its containerd may need a second try to get over the death of the first.
    if (!own.start() && !own.start()) {
      MESSAGE("NOTICE: left out, the engine does not start again by itself: " << own.last_words());
      return;
    }
    host.until(
        "all runs again", [&] { return host.revision(roll) != before && all_once(); },
        seconds(150));
  }
}

}  // namespace
}  // namespace fairlead::testing
