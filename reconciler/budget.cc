#include "reconciler/budget.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include "reconciler/units.h"

namespace fairlead {
namespace {

constexpr std::int64_t addresses_beside_containers = 8;  // gateway, network, broadcast, services
constexpr std::int64_t containers_of_app_max = 200;
constexpr std::int64_t containers_of_app_many = 100;
constexpr std::int64_t containers_many = 1000;
constexpr std::int64_t addresses_least = 64;  // of an app's network
constexpr std::int64_t pool_share = 4;        // one app's network is at most a quarter
constexpr std::int64_t memory_overcommit = 2;

std::int64_t product(std::int64_t a, std::int64_t b) {
  std::int64_t made = 0;
  return __builtin_mul_overflow(a, b, &made) ? std::numeric_limits<std::int64_t>::max() : made;
}

std::int64_t sum(std::int64_t a, std::int64_t b) {
  std::int64_t made = 0;
  return __builtin_add_overflow(a, b, &made) ? std::numeric_limits<std::int64_t>::max() : made;
}

std::int64_t containers_of(const App& app) {
  std::int64_t count = app.deploy.replicas.value_or(1);
  for (const auto& [name, settings] : app.processes) count += settings.replicas.value_or(1);
  return count;
}

std::int64_t pool_size(const Platform& platform) {
  const std::string& pool = platform.network.pool;
  const std::size_t slash = pool.find('/');
  int bits = 0;
  if (slash == pool.npos) return 0;
  std::from_chars(pool.data() + slash + 1, pool.data() + pool.size(), bits);
  return bits > 0 && bits <= 32 ? std::int64_t{1} << (32 - bits) : 0;
}

void add(Demand& demand, const App& app, const Platform& platform, const ProcessSettings& settings,
         int replicas) {
  const auto& own = settings.resources.memory;
  const auto& inherited = app.main.resources.memory;
  const std::int64_t each = own         ? *own
                            : inherited ? *inherited
                                        : platform.defaults.memory.value_or(default_memory);
  demand.memory = sum(demand.memory, product(each, replicas));
  demand.largest = std::max(demand.largest, each);
}

std::string count(std::int64_t number) { return std::to_string(number); }

// A host never has a round number of bytes.
std::string host_memory(std::int64_t memory) {
  constexpr std::int64_t mib = 1 << 20;
  return format_bytes(memory < mib ? memory : memory / mib * mib);
}

void of_one(const App& app, const Demand& demand, std::int64_t memory,
            std::vector<BudgetWarning>& warnings) {
  if (memory > 0 && demand.largest > memory) {
    warnings.push_back(
        {"memory " + app.name, app.name + ": a container may use " + format_bytes(demand.largest) +
                                   ", and the host has " + host_memory(memory) + " (" +
                                   app.where("resources.memory") + ", resources.memory)"});
  }
  if (demand.containers > containers_of_app_many) {
    warnings.push_back({"containers " + app.name,
                        app.name + ": asks for " + count(demand.containers) + " containers (" +
                            app.where("deploy.replicas") + ", replicas)"});
  }
}

}  // namespace

Demand demand_of(const App& app, const Platform& platform) {
  Demand demand;
  demand.containers = containers_of(app);
  demand.addresses = std::int64_t{1} << (32 - network_prefix(app));
  add(demand, app, platform, app.main, app.deploy.replicas.value_or(1));
  for (const auto& [name, settings] : app.processes) {
    add(demand, app, platform, settings, settings.replicas.value_or(1));
  }
  return demand;
}

int network_prefix(const App& app) {
  // Old and new stand side by side during a deploy.
  const std::int64_t wanted = 2 * containers_of(app) + addresses_beside_containers + 8;
  int prefix = 26;
  while (prefix > 16 && (std::int64_t{1} << (32 - prefix)) < wanted) --prefix;
  return prefix;
}

Result<void> check_demand(const App& app, const Platform& platform) {
  const std::int64_t containers = containers_of(app);
  const std::string asks = "asks for " + count(containers) + " containers";
  if (containers > containers_of_app_max) {
    return Error{Code::invalid,
                 asks + ", at most " + count(containers_of_app_max) +
                     " are one app's: say fewer replicas or processes, or make several apps of it",
                 app.where("deploy.replicas")};
  }
  const std::int64_t addresses = std::int64_t{1} << (32 - network_prefix(app));
  if (addresses > std::max(addresses_least, pool_size(platform) / pool_share)) {
    return Error{Code::invalid,
                 asks + " and so for a network of " + count(addresses) +
                     " addresses, more than a quarter of network.pool (" + platform.network.pool +
                     "): say fewer replicas, or a larger pool in the platform file",
                 app.where("deploy.replicas")};
  }
  return {};
}

std::vector<BudgetWarning> budget_warnings(const std::vector<const App*>& apps,
                                           const Platform& platform, std::int64_t memory) {
  std::vector<BudgetWarning> warnings;
  Demand all;
  for (const App* app : apps) {
    const Demand demand = demand_of(*app, platform);
    of_one(*app, demand, memory, warnings);
    all.containers += demand.containers;
    all.memory = sum(all.memory, demand.memory);
    all.addresses += demand.addresses;
  }
  const std::int64_t pool = pool_size(platform);
  if (all.addresses > pool) {
    warnings.push_back({"network", "the networks of all apps need " + count(all.addresses) +
                                       " addresses, network.pool (" + platform.network.pool +
                                       ") has " + count(pool) +
                                       ": say a larger pool in the platform file"});
  }
  if (memory > 0 && all.memory / memory_overcommit > memory) {
    warnings.push_back({"memory", "the memory limits of all containers are " +
                                      format_bytes(all.memory) + " together, and the host has " +
                                      host_memory(memory) +
                                      ": if they use what they may, some will be ended"});
  }
  if (all.containers > containers_many) {
    warnings.push_back({"containers", "all apps ask for " + count(all.containers) +
                                          " containers, more than " + count(containers_many)});
  }
  return warnings;
}

}  // namespace fairlead
