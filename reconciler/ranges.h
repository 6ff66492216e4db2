#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

// Parts of a number line (addresses of a pool) that are taken, kept merged, so that what thousands
// take side by side is one range and the search for a gap does not visit each of them. Plain
// values, used from one thread. Invariant of RangeSet: its ranges neither overlap nor touch.
namespace fairlead {

// [from, to); empty: nothing.
struct Range {
  std::uint64_t from = 0;
  std::uint64_t to = 0;

  bool empty() const { return from >= to; }
  bool operator==(const Range&) const = default;
};

class RangeSet {
 public:
  void insert(Range range);
  // Where the run ends that takes part of `range`; nothing where `range` is free. Of several the
  // last.
  std::optional<std::uint64_t> taken_until(Range range) const;

 private:
  std::map<std::uint64_t, std::uint64_t> ends_;  // from → to
};

// What apps plan to take and no list shows yet.
class Claims {
 public:
  void add(const std::string& app, Range range);
  Range of(const std::string& app) const;  // the latest; empty: none
  const RangeSet& taken() const { return taken_; }
  // Forgets the claims of those apps of which `settled(app)` holds.
  template <typename Predicate>
  void forget(Predicate settled) {
    std::erase_if(apps_, [&](const auto& claim) { return settled(claim.first); });
    taken_ = {};
    for (const auto& [app, range] : apps_) taken_.insert(range);
  }

 private:
  std::map<std::string, Range> apps_;  // app → its latest claim; absent: none
  RangeSet taken_;
};

}  // namespace fairlead
