#include "reconciler/prune.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>

namespace fairlead {
namespace {

using std::chrono::minutes;

// A checkout that loses its files a few at a time must not slip beneath the fuse.
constexpr minutes window{10};

std::string token_of(const std::set<std::string>& apps) {
  std::uint32_t hash = 2166136261u;  // FNV-1a: tells sets apart, protects nothing
  for (const std::string& app : apps) {
    for (const char c : app + "\n") hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
  }
  char text[9];
  std::snprintf(text, sizeof text, "%08x", hash);
  return text;
}

std::string counted(std::size_t apps) {
  return std::to_string(apps) + (apps == 1 ? " app" : " apps");
}

std::string names(const std::set<std::string>& apps) {
  std::string text;
  int count = 0;
  for (const std::string& app : apps) {
    if (count++ == 5) return text + " and " + std::to_string(apps.size() - 5) + " more";
    text += (text.empty() ? "" : ", ") + app;
  }
  return text;
}

}  // namespace

std::string PruneGuard::blown_because(const std::set<std::string>& open, std::size_t all,
                                      const Platform::Prune& limits) const {
  std::set<std::string> gone;
  for (const auto& [app, at] : lately_) gone.insert(app);
  const std::string with = gone.empty()
                               ? ": "
                               : "; with the " + std::to_string(gone.size()) +
                                     " removed in the last ten minutes (" + names(gone) + ") ";
  return "would remove " + names(open) + with + "that is " +
         std::to_string(open.size() + gone.size()) + " of " + counted(all) +
         ", more than the fuse allows (" + counted(static_cast<std::size_t>(limits.fuse_apps)) +
         " and " + std::to_string(limits.fuse_percent) + " %)";
}

PruneGuard::Verdict PruneGuard::decide(const Input& input) {
  for (auto it = since_.begin(); it != since_.end();) {
    it = input.candidates.count(it->first) > 0 ? std::next(it) : since_.erase(it);
  }
  for (auto it = approved_.begin(); it != approved_.end();) {
    it = input.candidates.count(*it) > 0 ? std::next(it) : approved_.erase(it);
  }
  // One that is to be removed once more is one app.
  std::erase_if(lately_, [&](const auto& entry) {
    return entry.second + window < input.now || input.candidates.count(entry.first) > 0;
  });
  Verdict verdict;
  std::set<std::string> open;
  for (const std::string& app : input.candidates) {
    const auto absent = input.absent_for.find(app);
    // A clock that was set back has no say.
    const Duration before = absent == input.absent_for.end() ? Duration(0) : absent->second;
    since_.emplace(app, input.now - std::max(before, Duration(0)));
    const auto held = input.held.find(app);
    if (approved_.count(app) > 0) {
      verdict.remove.insert(app);
    } else if (input.hold.empty() && held != input.held.end()) {
      verdict.held.insert(*held);
    } else {
      open.insert(app);
    }
  }
  if (open.empty()) return verdict;
  const std::size_t count = open.size() + lately_.size();
  const std::size_t all = input.wanted + input.candidates.size() + lately_.size();
  const bool blown = count > static_cast<std::size_t>(input.limits.fuse_apps) &&
                     count * 100 > all * static_cast<std::size_t>(input.limits.fuse_percent);
  if (!input.hold.empty()) {
    verdict.reason = input.hold;
  } else if (input.empty_reading) {
    verdict.reason = "the manifest folder is empty; nothing is removed for that alone";
    verdict.approvable = true;
  } else if (blown) {
    verdict.reason = blown_because(open, all, input.limits);
    verdict.approvable = true;
  }
  if (!verdict.reason.empty()) {
    verdict.waiting = open;
    verdict.token = token_of(open);
    return verdict;
  }
  for (const std::string& app : open) {
    const Duration due = since_[app] + input.limits.grace;
    if (input.now >= due) {
      verdict.remove.insert(app);
    } else {
      verdict.waiting.insert(app);
      verdict.reason = "the manifest is gone; the removal waits for the grace period";
      if (!verdict.due || due < *verdict.due) verdict.due = due;
    }
  }
  return verdict;
}

std::string PruneGuard::Verdict::why() const {
  return reason.empty() && !held.empty() ? held.begin()->second : reason;
}

std::set<std::string> PruneGuard::approve(const Verdict& verdict, const std::string& token) {
  if (!verdict.approvable || (!token.empty() && token != verdict.token)) return {};
  approved_.insert(verdict.waiting.begin(), verdict.waiting.end());
  return verdict.waiting;
}

void PruneGuard::begun(const std::string& app, Duration now) {
  if (approved_.erase(app) == 0) lately_[app] = now;
  since_.erase(app);
}

}  // namespace fairlead
