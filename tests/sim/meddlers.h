#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "tests/sim/host.h"

// People who do something while the daemon is in the middle of something else: what they do has
// wanted computed anew, and is to change nothing in the end. Constants; each act may be done at any
// moment of a run, within the world's own events too, and any number of times.
namespace fairlead::sim {

struct Meddler {
  std::string name;
  std::function<void(Host&)> act;
};

const std::vector<Meddler>& meddlers();

// One of them acts as writing request `write` leaves, counted from 0 as in CrashPlan.
struct Meddling {
  std::uint64_t write = 0;
  const Meddler* meddler = nullptr;
};

}  // namespace fairlead::sim
