#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <cstdlib>
#include <cstring>

#include "tests/sim/seeds.h"

namespace fairlead::sim {

SeedRange& seed_range() {
  static SeedRange range;
  return range;
}

std::string& scenario_filter() {
  static std::string filter;
  return filter;
}

}  // namespace fairlead::sim

int main(int argc, char** argv) {
  doctest::Context context(argc, argv);
  for (int i = 1; i + 1 < argc; ++i) {
    auto& range = fairlead::sim::seed_range();
    const std::uint64_t number = std::strtoull(argv[i + 1], nullptr, 10);
    if (std::strcmp(argv[i], "--seeds") == 0) range.last = number;
    if (std::strcmp(argv[i], "--scenario") == 0) fairlead::sim::scenario_filter() = argv[i + 1];
    if (std::strcmp(argv[i], "--seed") != 0) continue;
    range = {number, number};
    context.addFilter("test-case", "whatever goes wrong*");
  }
  return context.run();
}
