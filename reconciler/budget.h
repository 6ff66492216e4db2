#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "reconciler/app.h"
#include "reconciler/platform.h"
#include "reconciler/result.h"

// What manifests ask of the host, against what it has: addresses of network.pool, memory,
// containers. Limits may go beyond the host, because few use what they may, so that it is a
// warning; an error is only what one manifest can never be given. Pure.
namespace fairlead {

// Of one process: 1 GiB where nobody says it; 0: no limit.
inline constexpr std::int64_t default_memory = std::int64_t{1} << 30;

struct Demand {
  std::int64_t containers = 0;
  std::int64_t memory = 0;     // bytes; limits of all containers, those without one left out
  std::int64_t largest = 0;    // the largest of them
  std::int64_t addresses = 0;  // of the app's network
};

Demand demand_of(const App& app, const Platform& platform);

// Of the app's network: 26, or less where so many containers need more addresses.
int network_prefix(const App& app);

// Errors: invalid, for more than 200 containers, or a network of more than a quarter of the pool.
Result<void> check_demand(const App& app, const Platform& platform);

struct BudgetWarning {
  std::string about;  // "memory", "network blog": the same while only numbers change
  std::string text;
};
// Of all wanted apps. `memory`: of the host, in bytes; 0: not known.
std::vector<BudgetWarning> budget_warnings(const std::vector<const App*>& apps,
                                           const Platform& platform, std::int64_t memory);

}  // namespace fairlead
