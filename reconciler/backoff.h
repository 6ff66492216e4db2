#pragma once

#include <algorithm>
#include <cstdint>

#include "reconciler/world.h"

// How long to wait after failures, and the jitter that keeps many from acting at the same moment.
// Deterministic: the same seed gives the same sequence, so that a simulated run can be repeated.
namespace fairlead {

// 0.5 s after the first failure, doubled for each further one, 5 min at most.
inline Duration backoff(int failures) {
  const int doublings = std::clamp(failures - 1, 0, 10);
  return std::min<Duration>(std::chrono::milliseconds(500) * (1 << doublings),
                            std::chrono::minutes(5));
}

class Jitter {
 public:
  explicit Jitter(std::uint64_t seed) : state_(seed * 2 + 1) {}
  // Between 80 % and 120 % of `duration`.
  Duration around(Duration duration) {
    state_ = state_ * 6364136223846793005ull + 1442695040888963407ull;
    const auto percent = static_cast<std::int64_t>(80 + (state_ >> 33) % 41);
    return duration * percent / 100;
  }

 private:
  std::uint64_t state_;
};

}  // namespace fairlead
