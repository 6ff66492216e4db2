#include "reconciler/ranges.h"

#include <algorithm>
#include <iterator>

namespace fairlead {

void RangeSet::insert(Range range) {
  if (range.empty()) return;
  auto next = ends_.upper_bound(range.from);
  if (next != ends_.begin() && std::prev(next)->second >= range.from) --next;
  while (next != ends_.end() && next->first <= range.to) {
    range.from = std::min(range.from, next->first);
    range.to = std::max(range.to, next->second);
    next = ends_.erase(next);
  }
  ends_.emplace_hint(next, range.from, range.to);
}

std::optional<std::uint64_t> RangeSet::taken_until(Range range) const {
  const auto after = ends_.lower_bound(range.to);
  if (range.empty() || after == ends_.begin()) return std::nullopt;
  const std::uint64_t end = std::prev(after)->second;
  return end > range.from ? std::optional(end) : std::nullopt;
}

void Claims::add(const std::string& app, Range range) {
  apps_[app] = range;
  taken_.insert(range);
}

Range Claims::of(const std::string& app) const {
  const auto found = apps_.find(app);
  return found == apps_.end() ? Range() : found->second;
}

}  // namespace fairlead
