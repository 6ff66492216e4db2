#include "reconciler/backoff.h"

#include <doctest/doctest.h>

#include <set>

using namespace fairlead;
using namespace std::chrono_literals;

TEST_CASE("waits double from half a second up to five minutes") {
  CHECK(backoff(0) == 500ms);
  CHECK(backoff(1) == 500ms);
  CHECK(backoff(2) == 1s);
  CHECK(backoff(5) == 8s);
  CHECK(backoff(10) == 256s);
  CHECK(backoff(11) == 5min);
  CHECK(backoff(1'000'000) == 5min);
}

TEST_CASE("jitter stays within a fifth and the same seed repeats it") {
  Jitter one(7), again(7), other(8);
  std::set<Duration> seen;
  bool differs = false;
  for (int i = 0; i < 1000; ++i) {
    const Duration around = one.around(100s);
    CHECK(around >= 80s);
    CHECK(around <= 120s);
    CHECK(around == again.around(100s));
    if (around != other.around(100s)) differs = true;
    seen.insert(around);
  }
  CHECK(differs);
  CHECK(seen.count(80s) == 1);
  CHECK(seen.count(120s) == 1);
  CHECK(seen.size() == 41);
}
