#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "reconciler/platform.h"
#include "reconciler/world.h"

// Which apps without a manifest may be removed now. The most dangerous decision of all, so it
// stands alone: it depends on nothing but its arguments and remembers only what was approved and
// what was removed lately.
namespace fairlead {

class PruneGuard {
 public:
  struct Input {
    // Apps that exist and have no manifest, without those whose removal has begun.
    std::set<std::string> candidates;
    // How long their manifests have been absent, where an earlier run saw that.
    std::map<std::string, Duration> absent_for;
    std::size_t wanted = 0;                   // apps that have one
    std::string hold;                         // why nothing may be removed at all; empty: it may
    std::map<std::string, std::string> held;  // candidate → why not it, though others may
    bool empty_reading = false;  // the folder holds no manifest: never removes by itself
    Platform::Prune limits;
    Duration now{0};  // steady
  };
  struct Verdict {
    std::set<std::string> remove;             // now
    std::set<std::string> waiting;            // for `reason`
    std::map<std::string, std::string> held;  // app → why; nothing but a reading lets them go
    std::string reason;                       // for people; empty where nothing waits
    bool approvable = false;                  // `fairlead approve` would let them go
    std::string token;                        // names exactly this set of waiting apps
    std::optional<Duration> due;              // when the grace of the next one ends

    // Why the first of them is still there; empty: none is.
    std::string why() const;
  };
  // Called at every change and when `due` has come. A candidate's grace begins when it is first
  // seen here, less for how long it was absent then.
  Verdict decide(const Input& input);

  // Approves what waits; with a token only that very set. Returns the approved apps.
  std::set<std::string> approve(const Verdict& verdict, const std::string& token);
  // A removal that decide() allowed has begun: what is not approved counts from now on.
  void begun(const std::string& app, Duration now);
  // The manifest came back in the middle of it.
  void returned(const std::string& app) { lately_.erase(app); }

 private:
  std::string blown_because(const std::set<std::string>& open, std::size_t all,
                            const Platform::Prune& limits) const;

  std::map<std::string, Duration> since_;  // candidate → when its grace began
  std::set<std::string> approved_;
  std::map<std::string, Duration> lately_;  // app → when its removal without approval began
};

}  // namespace fairlead
