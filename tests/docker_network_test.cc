#include <doctest/doctest.h>

#include <string>

#include "providers/docker/network.h"

using namespace fairlead;
using namespace fairlead::docker;

namespace {

std::string parsed(const std::string& text) {
  const std::optional<Subnet> subnet = Subnet::parse(text);
  return subnet ? subnet->text() : "none";
}

std::string free_of(const std::string& pool, int prefix, const std::set<std::string>& used) {
  RangeSet taken;
  for (const std::string& text : used) {
    if (const auto subnet = Subnet::parse(text)) taken.insert(subnet->range());
  }
  const std::optional<Subnet> free = free_subnet(pool, prefix, taken, {});
  return free ? free->text() : "none";
}

}  // namespace

TEST_CASE("subnets are read as written, less the bits behind the prefix") {
  CHECK(parsed("10.213.0.64/26") == "10.213.0.64/26");
  CHECK(parsed("10.213.0.77/26") == "10.213.0.64/26");
  CHECK(parsed("0.0.0.0/0") == "0.0.0.0/0");
  CHECK(parsed("255.255.255.255/32") == "255.255.255.255/32");
}

TEST_CASE("what is no IPv4 subnet is none") {
  for (const char* text : {"", "10.0.0.0", "10.0.0/8", "256.0.0.0/8", "10.0.0.0/33", "10.0.0.0/-1",
                           "10.0.0.0/8x", "fd00::/8", "10.0.0.0/", "a.b.c.d/8"}) {
    CAPTURE(text);
    CHECK(parsed(text) == "none");
  }
}

TEST_CASE("two subnets overlap when one holds the other") {
  const auto overlap = [](const char* a, const char* b) {
    const bool one = Subnet::parse(a)->overlaps(*Subnet::parse(b));
    CHECK(one == Subnet::parse(b)->overlaps(*Subnet::parse(a)));
    return one;
  };
  CHECK(overlap("10.0.0.0/8", "10.213.0.0/26"));
  CHECK(overlap("0.0.0.0/0", "10.213.0.0/26"));
  CHECK(overlap("10.213.0.0/26", "10.213.0.0/26"));
  CHECK_FALSE(overlap("10.213.0.0/26", "10.213.0.64/26"));
  CHECK_FALSE(overlap("10.213.0.0/16", "10.214.0.0/16"));
}

TEST_CASE("the lowest free subnet is taken, around networks of any size and place") {
  const std::string pool = "10.213.0.0/24";
  CHECK(free_of(pool, 26, {}) == "10.213.0.0/26");
  CHECK(free_of(pool, 26, {"10.213.0.0/26"}) == "10.213.0.64/26");
  CHECK(free_of(pool, 26, {"10.213.0.64/26"}) == "10.213.0.0/26");
  CHECK(free_of(pool, 26, {"10.213.0.0/26", "10.213.0.128/26"}) == "10.213.0.64/26");
  CHECK(free_of(pool, 26, {"10.213.0.0/28", "10.213.0.80/28"}) == "10.213.0.128/26");
  CHECK(free_of(pool, 25, {"10.213.0.0/30"}) == "10.213.0.128/25");
  CHECK(free_of(pool, 26, {"10.213.0.0/25", "10.213.0.0/26"}) == "10.213.0.128/26");
  CHECK(free_of(pool, 26, {"172.17.0.0/16", "fd00::/64", ""}) == "10.213.0.0/26");
}

TEST_CASE("a full pool, one that is too small, and one inside a used network have none free") {
  CHECK(free_of("10.213.0.0/25", 26, {"10.213.0.0/26", "10.213.0.64/26"}) == "none");
  CHECK(free_of("10.213.0.0/27", 26, {}) == "none");
  CHECK(free_of("10.213.0.0/24", 26, {"10.0.0.0/8"}) == "none");
  CHECK(free_of("10.213.0.0/24", 26, {"0.0.0.0/0"}) == "none");
  CHECK(free_of("nonsense", 26, {}) == "none");
}

TEST_CASE("a pool at the very end of the address space ends there") {
  CHECK(free_of("255.255.255.128/25", 26, {"255.255.255.128/26"}) == "255.255.255.192/26");
  CHECK(free_of("255.255.255.128/25", 26, {"255.255.255.128/25"}) == "none");
}

TEST_CASE("all of a pool of 65,536 addresses is given out, each part once") {
  std::set<std::string> given;
  RangeSet taken[2];  // seen, and claimed
  while (const auto subnet = free_subnet("10.213.0.0/16", 26, taken[0], taken[1])) {
    CHECK(given.insert(subnet->text()).second);
    if (given.size() > 1024) break;
    taken[given.size() % 2].insert(subnet->range());
  }
  CHECK(given.size() == 1024);
  CHECK(given.count("10.213.255.192/26") == 1);
}

TEST_CASE("addresses come lowest first, without the gateway, those in use and the upper end") {
  Addresses addresses("10.213.0.0/27", {"10.213.0.3", "172.17.0.2", ""});
  std::string given;
  int count = 0;
  while (const auto address = addresses.take()) {
    if (count++ < 3) given += *address + " ";
  }
  CHECK(given == "10.213.0.2 10.213.0.4 10.213.0.5 ");
  CHECK(count == 25);  // 2..27 less one
  CHECK_FALSE(addresses.take().has_value());
}

TEST_CASE("what others attach gets the last eighth, of which fairlead gives out nothing") {
  CHECK(Subnet::parse("10.213.0.0/26")->upper_end().text() == "10.213.0.56/29");
  CHECK(Subnet::parse("10.213.0.0/16")->upper_end().text() == "10.213.224.0/19");
}

TEST_CASE("without a subnet there are no addresses") {
  CHECK_FALSE(Addresses("", {}).take().has_value());
}

TEST_CASE("class A10: no container of a larger network has an address that a gateway could have") {
  Addresses addresses("10.213.0.0/24", {});
  int count = 0;
  while (const auto address = addresses.take()) {
    ++count;
    for (const std::string last : {".1", ".65", ".129", ".193"})
      CHECK_FALSE(address->ends_with(last));
  }
  CHECK(count == 219);  // 2..223 without 65, 129 and 193
}
