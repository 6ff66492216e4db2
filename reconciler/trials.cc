#include "reconciler/trials.h"

#include <utility>

#include "reconciler/json.h"

namespace fairlead {
namespace {

constexpr int trials_schema = 1;

Json ended_json(const Trial& trial) {
  Json ended = Json::array();
  for (const auto& [replica, with] : trial.ended) {
    ended.push(Json::object({{"replica", replica}, {"with", with}}));
  }
  return ended;
}

Trial trial_of(const Json& item) {
  Trial trial;
  for (const Json& end : item["ended"].items()) {
    trial.ended[static_cast<int>(end["replica"].as_int())] = end["with"].as_string();
  }
  trial.failures = static_cast<int>(item["failures"].as_int());
  trial.why = item["why"].as_string();
  trial.failed = Duration(item["failed"].as_int());
  return trial;
}

}  // namespace

Trials Trials::decode(std::string_view text) {
  Trials trials;
  const Result<Json> json = Json::parse(text);
  trials.unknown_ = !json || (*json)["schema"].as_int() != trials_schema;
  if (trials.unknown_) return trials;
  for (const Json& item : (*json)["trials"].items()) {
    trials.set(item["process"].as_string(), item["fingerprint"].as_string(), trial_of(item));
  }
  return trials;
}

std::string Trials::encode() const {
  // What could not be read stays so until somebody asks for another run.
  if (unknown_) return "unknown\n";
  if (all_.empty()) return "";
  Json all = Json::array();
  for (const auto& [key, trial] : all_) {
    all.push(Json::object({{"process", key.first},
                           {"fingerprint", key.second},
                           {"ended", ended_json(trial)},
                           {"failures", trial.failures},
                           {"why", trial.why},
                           {"failed", static_cast<std::int64_t>(trial.failed.count())}}));
  }
  return Json::object({{"schema", trials_schema}, {"trials", all}}).pretty() + "\n";
}

const Trial* Trials::find(const std::string& process, const std::string& fingerprint) const {
  const auto found = all_.find({process, fingerprint});
  return found == all_.end() ? nullptr : &found->second;
}

void Trials::set(const std::string& process, const std::string& fingerprint, Trial trial) {
  if (trial.empty()) {
    all_.erase({process, fingerprint});
  } else {
    all_[{process, fingerprint}] = std::move(trial);
  }
}

void Trials::failed(const std::string& process, const std::string& fingerprint,
                    const std::string& why, Duration wall) {
  Trial& trial = all_[{process, fingerprint}];
  ++trial.failures;
  trial.why = why;
  trial.failed = wall;
}

Trials Trials::of_none() const {
  Trials none;
  none.unknown_ = unknown_;
  return none;
}

void Trials::forgive() {
  for (auto& [key, trial] : all_) trial.failures = 0;
  std::erase_if(all_, [](const auto& entry) { return entry.second.empty(); });
}

bool Trials::retry(const std::string& process) {
  bool any = std::exchange(unknown_, false);
  for (auto& [key, trial] : all_) {
    if (!process.empty() && key.first != process) continue;
    const std::size_t ended = std::erase_if(
        trial.ended, [&](const auto& end) { return !process.empty() || !end.second.empty(); });
    any = any || ended > 0 || trial.failures > 0;
    trial.failures = 0;
  }
  std::erase_if(all_, [](const auto& entry) { return entry.second.empty(); });
  return any;
}

}  // namespace fairlead
