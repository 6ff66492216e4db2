#pragma once

#include <cstdint>
#include <string>

// Which seeds sim_tests runs: 1 to 1,000, unless the command line says `--seed N` (that one) or
// `--seeds N` (1 to N). Set by main() before any test, constant afterwards.
namespace fairlead::sim {

struct SeedRange {
  std::uint64_t first = 1;
  std::uint64_t last = 1000;
};
SeedRange& seed_range();
// `--scenario TEXT`: the tests of each scenario play those whose names contain it; empty: all.
std::string& scenario_filter();

}  // namespace fairlead::sim
