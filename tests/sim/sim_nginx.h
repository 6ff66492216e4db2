#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/sim/sim_engine.h"

// The nginx in simulated containers whose program says so (Program::service "nginx"): what it has
// read stays in its memory whatever becomes of the files, a reload that fails shows nowhere, and a
// start with files that are wrong ends with exit code 1. The messages are those of 1.22. Its files
// are the area `edge`, where the container mounts it. Owned by SimWorld, which tells it of the
// engine's events; one thread.
namespace fairlead::sim {

class SimWorld;

// Where a request for one host goes.
struct SimWay {
  std::set<std::string> addresses;  // without port; empty: nginx answers itself
  int status = 200;                 // that it answers itself
  bool operator==(const SimWay&) const = default;
};

// What nginx has read.
struct SimConfiguration {
  std::string id;                                      // that it says on its status port
  std::map<std::pair<int, std::string>, SimWay> ways;  // port and host → of "/"; absent: 404
  bool has_sites = false;
};

class SimNginx {
 public:
  SimNginx(SimWorld& world, std::uint64_t seed);

  // What goes wrong in it. Counts are of reloads to come.
  struct Traps {
    std::set<std::string> bad_apps;      // whose sites the test refuses
    std::set<std::string> refused_apps;  // whose sites pass the test and are refused by a reload
    int lost_reloads = 0;                // the old configuration stays
    int slow_reloads = 0;                // each takes 1.5 s
    bool silent = false;                 // its status port takes connections and says nothing
  };
  Traps traps;

  void take(const EngineEvent& event);
  // `nginx -t -q -c FILE` in a container.
  Answer test(const ProcessCall& call);
  // Why a start would fail now; empty: it would not.
  std::string would_fail() const;
  // Nothing listens there: nothing.
  std::optional<Answer> ask(const SimContainer& container, const std::string& port,
                            const std::string& path) const;

  struct Live {
    std::string container;  // id
    std::uint64_t run = 0;  // of the container
    Duration since{0};      // steady
    SimConfiguration configuration;
  };
  // What serves now; null: nothing runs, or it has not read its files yet.
  const Live* live() const;
  // Generations that began to serve without a test having passed, and had sites.
  const std::vector<std::string>& untested() const { return untested_; }
  int reloads() const { return reloads_; }  // asked for

 private:
  // The configuration, or why there is none.
  Result<SimConfiguration> load(const std::string& path, const std::set<std::string>& bad) const;
  void read(const std::string& container, std::uint64_t run, bool reload);
  bool runs(const std::string& container, std::uint64_t run) const;

  SimWorld& world_;
  Random random_;
  std::map<std::string, Live> live_;  // container → what it serves, while its run lasts
  std::set<std::string> tested_;      // ids of generations
  std::vector<std::string> untested_;
  int reloads_ = 0;
};

}  // namespace fairlead::sim
