#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "reconciler/ranges.h"

// IPv4 arithmetic for app networks: fairlead assigns subnets and addresses itself, so that they are
// known before anything is created and a restart moves none. Pure values.
namespace fairlead::docker {

struct Subnet {
  std::uint32_t base = 0;
  int prefix = 32;
  static constexpr std::uint32_t usual_size = 64;  // of an app's network; others are larger

  // "10.213.0.64/26"; nothing for anything else. Bits behind the prefix are dropped.
  static std::optional<Subnet> parse(std::string_view text);
  std::string text() const;

  std::uint32_t size() const { return prefix == 0 ? 0 : std::uint32_t{1} << (32 - prefix); }
  Range range() const;
  bool overlaps(const Subnet& other) const;
  std::string address(std::uint32_t index) const;  // "10.213.0.65" for 1
  Subnet upper_end() const;                        // its last eighth
};

// The lowest subnet of `pool` with this prefix that neither `used` nor `claimed` takes a part of;
// nothing when the pool is full.
std::optional<Subnet> free_subnet(const std::string& pool, int prefix, const RangeSet& used,
                                  const RangeSet& claimed);

// Hands out addresses of a subnet, the lowest free first. The first is the gateway's, and no other
// is one that a gateway could have, so that the edge knows the host by its address; the upper end
// is left to what others attach.
class Addresses {
 public:
  Addresses(const std::string& subnet, std::set<std::string> used);
  std::optional<std::string> take();

 private:
  std::optional<Subnet> subnet_;
  std::set<std::string> used_;
  std::uint32_t next_ = 2;
};

}  // namespace fairlead::docker
