#include "reconciler/ranges.h"

#include <doctest/doctest.h>

#include <vector>

using namespace fairlead;

namespace {

constexpr std::uint64_t free_ = 0;

std::uint64_t until(const std::vector<Range>& taken, Range asked) {
  RangeSet set;
  for (const Range& range : taken) set.insert(range);
  return set.taken_until(asked).value_or(free_);
}

}  // namespace

TEST_CASE("a range is free when it touches none that is taken") {
  CHECK(until({}, {0, 10}) == free_);
  CHECK(until({{10, 20}}, {0, 10}) == free_);
  CHECK(until({{10, 20}}, {20, 30}) == free_);
  CHECK(until({{10, 20}}, {5, 5}) == free_);
  CHECK(until({{10, 20}, {30, 40}}, {20, 30}) == free_);
}

TEST_CASE("what takes a part of a range takes it to its own end") {
  CHECK(until({{10, 20}}, {0, 11}) == 20);
  CHECK(until({{10, 20}}, {19, 30}) == 20);
  CHECK(until({{10, 20}}, {12, 14}) == 20);
  CHECK(until({{10, 20}, {30, 40}}, {15, 35}) == 40);
}

TEST_CASE("ranges that touch or overlap are one, in whatever order they come") {
  CHECK(until({{0, 10}, {10, 20}, {20, 30}}, {0, 1}) == 30);
  CHECK(until({{20, 30}, {0, 10}, {10, 20}}, {0, 1}) == 30);
  CHECK(until({{5, 8}, {20, 22}, {0, 30}}, {0, 1}) == 30);
  CHECK(until({{0, 30}, {5, 8}}, {0, 1}) == 30);
  CHECK(until({{0, 10}, {4, 12}, {13, 14}}, {0, 1}) == 12);
  CHECK(until({{0, 10}, {12, 12}, {11, 14}}, {0, 1}) == 10);
}

TEST_CASE("the claims of settled apps are forgotten, those of others stay taken") {
  Claims claims;
  claims.add("blog", {0, 10});
  claims.add("shop", {10, 20});
  CHECK(claims.of("blog") == Range{0, 10});
  claims.forget([](const std::string& app) { return app == "blog"; });
  CHECK(claims.of("blog").empty());
  CHECK_FALSE(claims.taken().taken_until({0, 10}).has_value());
  CHECK(claims.taken().taken_until({0, 11}) == 20);
}

TEST_CASE("an app's earlier claim stays taken beside its latest") {
  Claims claims;
  claims.add("blog", {0, 10});
  claims.add("blog", {20, 30});
  CHECK(claims.of("blog") == Range{20, 30});
  CHECK(claims.taken().taken_until({0, 10}) == 10);
}
