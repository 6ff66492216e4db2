#include "reconciler/write_queue.h"

#include <algorithm>
#include <utility>

namespace fairlead {

void WriteQueue::push(const std::string& app, Request request) {
  waiting_[app].push_back(std::move(request));
}

std::vector<Request> WriteQueue::take(Duration now) {
  std::vector<Request> taken;
  if (waiting_.empty()) return taken;
  auto busy = std::count_if(held_.begin(), held_.end(),
                            [&](const auto& held) { return held.second + slow > now; });
  const auto out_max = static_cast<std::size_t>(slots_) * out_per_slot;
  while (busy < slots_ && held_.size() < out_max && !waiting_.empty()) {
    auto next = waiting_.upper_bound(last_);
    if (next == waiting_.end()) next = waiting_.begin();
    last_ = next->first;
    held_[next->second.front().id] = now;
    taken.push_back(std::move(next->second.front()));
    next->second.pop_front();
    if (next->second.empty()) waiting_.erase(next);
    ++busy;
  }
  return taken;
}

std::optional<Duration> WriteQueue::due(Duration now) const {
  if (waiting_.empty()) return std::nullopt;
  std::optional<Duration> earliest;
  for (const auto& [id, sent] : held_) {
    const Duration free = sent + slow;
    if (free > now && (!earliest || free < *earliest)) earliest = free;
  }
  return earliest;
}

}  // namespace fairlead
