#include "providers/docker/network.h"

#include <algorithm>
#include <cstdio>
#include <utility>

namespace fairlead::docker {
namespace {

std::uint32_t mask(int prefix) { return prefix == 0 ? 0 : ~std::uint32_t{0} << (32 - prefix); }

std::string dotted(std::uint32_t address) {
  return std::to_string(address >> 24) + "." + std::to_string(address >> 16 & 255) + "." +
         std::to_string(address >> 8 & 255) + "." + std::to_string(address & 255);
}

}  // namespace

std::optional<Subnet> Subnet::parse(std::string_view text) {
  unsigned a = 0, b = 0, c = 0, d = 0;
  int prefix = 0;
  int end = 0;
  const std::string copy(text);
  const int read =
      std::sscanf(copy.c_str(), "%3u.%3u.%3u.%3u/%2d%n", &a, &b, &c, &d, &prefix, &end);
  if (read != 5 || static_cast<std::size_t>(end) != copy.size()) return std::nullopt;
  if (a > 255 || b > 255 || c > 255 || d > 255 || prefix < 0 || prefix > 32) return std::nullopt;
  return Subnet{(a << 24 | b << 16 | c << 8 | d) & mask(prefix), prefix};
}

std::string Subnet::text() const { return dotted(base) + "/" + std::to_string(prefix); }

Range Subnet::range() const { return {base, base + (1ull << (32 - prefix))}; }

bool Subnet::overlaps(const Subnet& other) const {
  const std::uint32_t common = mask(std::min(prefix, other.prefix));
  return (base & common) == (other.base & common);
}

std::string Subnet::address(std::uint32_t index) const { return dotted(base + index); }

Subnet Subnet::upper_end() const {
  const int narrow = std::min(prefix + 3, 32);
  return {base + size() - (std::uint32_t{1} << (32 - narrow)), narrow};
}

std::optional<Subnet> free_subnet(const std::string& pool, int prefix, const RangeSet& used,
                                  const RangeSet& claimed) {
  const std::optional<Subnet> whole = Subnet::parse(pool);
  if (!whole || whole->prefix > prefix) return std::nullopt;
  const Range range = whole->range();
  const std::uint64_t step = 1ull << (32 - prefix);
  for (std::uint64_t base = range.from; base + step <= range.to;) {
    const Range candidate{base, base + step};
    const std::uint64_t taken = std::max(used.taken_until(candidate).value_or(0),
                                         claimed.taken_until(candidate).value_or(0));
    if (taken == 0) return Subnet{static_cast<std::uint32_t>(base), prefix};
    base = (taken + step - 1) / step * step;
  }
  return std::nullopt;
}

Addresses::Addresses(const std::string& subnet, std::set<std::string> used)
    : subnet_(Subnet::parse(subnet)), used_(std::move(used)) {}

std::optional<std::string> Addresses::take() {
  if (!subnet_) return std::nullopt;
  const std::uint32_t end = subnet_->upper_end().base - subnet_->base;
  for (; next_ < end; ++next_) {
    // It would pass for the gateway of a network of the usual size.
    if (next_ % Subnet::usual_size == 1) continue;
    std::string address = subnet_->address(next_);
    if (!used_.insert(address).second) continue;
    ++next_;
    return address;
  }
  return std::nullopt;
}

}  // namespace fairlead::docker
