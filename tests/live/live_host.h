#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "reconciler/json.h"
#include "tests/live/child.h"
#include "tests/live/live_engine.h"

// One installation of the real binary on a real engine: its folders, its platform file, its daemon.
// Lives for one test and is used from the test's thread. At its end the daemon is killed, and all
// objects of the installation and all foreign ones that it noted are removed, whether or not the
// test passed. App names are its own (name()), so that two test runs do not meet.
namespace fairlead::testing {

using std::chrono::milliseconds;
using std::chrono::seconds;

class LiveHost {
 public:
  // `settings`: further lines of the platform file. `socket`: of another engine than DOCKER_HOST's.
  explicit LiveHost(const std::string& settings = "", const std::string& socket = "");
  ~LiveHost();
  LiveHost(const LiveHost&) = delete;
  LiveHost& operator=(const LiveHost&) = delete;

  const LiveEngine& engine() const { return engine_; }
  std::string name(const std::string& word) const { return word + suffix_; }
  std::string operator/(const std::string& relative) const { return folder_ + "/" + relative; }

  // Files of the manifest folder, written beside and renamed, as careful programs do.
  void put(const std::string& file, const std::string& text) const;
  void drop(const std::string& file) const;

  // The daemon. `program`: another build than the one under test; empty: that one.
  void start(const std::string& program = "");
  void kill();                             // with SIGKILL
  std::optional<int> stop(seconds limit);  // with SIGTERM; its exit code, or nothing in time
  Child& daemon() { return *daemon_; }
  bool runs() { return daemon_ && !daemon_->wait(milliseconds(0)); }

  // The command line.
  struct Ran {
    int code = 0;
    std::string out;
    std::string err;
  };
  Ran run(const std::vector<std::string>& words, seconds limit = seconds(60)) const;

  // What the daemon says; null where it does not answer.
  Json status() const;
  Json app(const std::string& name) const;
  std::string log() const { return read_text(log_); }

  // What the engine says: of its processes, not those that its image is read from.
  std::vector<Json> containers(const std::string& app) const;
  std::vector<std::string> names(const std::string& app) const;
  // The container of an app that has just one; fails the test where it has not.
  Json only(const std::string& app) const;
  std::string only_id(const std::string& app) const { return only(app)["Id"].as_string(); }

  // Wait until it holds, or fail the test with the status and the last of the log.
  void until(const std::string& what, const std::function<bool()>& holds,
             seconds limit = seconds(90)) const;
  void until_well(const std::vector<std::string>& apps, seconds limit = seconds(90)) const;
  void until_well(const std::string& app) const { until_well(std::vector{app}); }
  // Of another revision than `before`, which revision() gave.
  void until_new(const std::string& app, const std::string& before) const;
  std::string revision(const std::string& app) const;
  bool well(const std::string& app) const;

  // To be removed at the end: a container, volume or network that the test made by hand.
  void foreign(const std::string& kind, const std::string& name);

 private:
  std::string trouble(const std::string& what) const;
  void remove_all() const;

  std::string suffix_;
  std::string folder_;
  std::string log_;
  std::string installation_;  // known once the daemon has run
  LiveEngine engine_;
  std::optional<Child> daemon_;
  std::vector<std::pair<std::string, std::string>> foreign_;
};

// A manifest of an app that sleeps and is healthy within a second; `more` are further lines.
std::string manifest(const std::string& app, const std::string& more = "",
                     const std::string& image = "fairlead-test/live:1");
// A health check that runs the command, words apart by blanks, five times a second; what
// fails in its first 10 s is no failure yet.
std::string health(const std::string& command);

}  // namespace fairlead::testing
