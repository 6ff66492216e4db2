#pragma once

#include <cstdint>
#include <vector>

#include "reconciler/catalog.h"

// How a Reconciler is to run, and what an earlier run left in the state folder for it. Values,
// given once at the start.
namespace fairlead {

enum class LoopMode {
  daemon,  // for ever
  once,    // until everything has converged, or cannot
  plan,    // until every app has a plan; nothing is carried out
};

struct LoopOptions {
  LoopMode mode = LoopMode::daemon;
  std::uint64_t seed = 1;           // of the jitter
  bool approve_removals = false;    // `apply --approve`
  std::vector<LastGood> choices{};  // the images that were chosen: "updates/<app>.json"
  std::vector<LastGood> images{};   // the manifests that images carry: "images/<app>.json"
  std::vector<LastGood> hosts{};    // who has which host name and port: "hosts/*.json"
  std::vector<LastGood> schemes{};  // the scheme that apps are told: "schemes/apps.json"
  std::vector<LastGood> served{};   // the certificates that serve: "certificates/<app>.json"
  std::vector<LastGood> local{};    // what references stand for: "local/<app>.json"
  std::vector<LastGood> trials{};   // what came of revisions: "trials/<app>.json"
  std::vector<LastGood> deaths{};   // what the daemon ended itself at: "deaths/<name>.json"
};

}  // namespace fairlead
