// The part of ProcessDiff that goes by what came of earlier tries: of the wanted fingerprint at its
// health gate, and of jobs. Both outlive the containers that show it, which people prune.

#include <algorithm>
#include <utility>

#include "providers/docker/diff_process.h"
#include "reconciler/units.h"

namespace fairlead::docker {
namespace {

using std::chrono::seconds;

// The engine takes a container that has run for so long as recovered from its crash loop.
constexpr seconds recovery{10};

}  // namespace

// Whether the wanted fingerprint is known to fail and not to be tried now.
bool ProcessDiff::failed_before() {
  const bool remembered = trial_.failures > 0 && !tried_since(failed_at());
  if (!failed_ && !remembered) return false;
  const std::string name = container_name(failed_ ? failed_->identity.replica : 1);
  if (failed_) failing_ = retire(draft_, *failed_, Ending::stop, "failed its health check", {});
  const std::string why = trial_.why.empty() && failed_ ? evidence(*failed_) : trial_.why;
  const int failures = std::max(1, trial_.failures);
  const bool news = asked_since(manifest_changed, failed_at()) ||
                    asked_since(retry_asked, failed_at()) ||
                    asked_since(retry_asked + (" " + spec_.process), failed_at());
  const Duration due = news ? now_.steady : failed_at() + retry_after(failures);
  // Where a try means an outage of what serves, only a person starts another one.
  const bool never = spec_.recreate && !old_.empty() && !news;
  const bool runs = failed_ && failed_->alive();
  if (!never && !runs && now_.steady >= due) {
    const std::string again = "tries again after " + std::to_string(failures) +
                              (failures == 1 ? " failure" : " failures");
    if (failed_) draft_.add(draft_.steps.remove(*failed_), again, failing_);
    draft_.report.worsen(HealthState::progressing, "Starting", name + " " + again + ": " + why);
    failing_.clear();
    return false;
  }
  put_off_ = true;
  draft_.report.gate_failed = true;
  if (!never) draft_.report.due(due);
  draft_.report.worsen(
      HealthState::degraded, "HealthCheckFailed",
      name + " failed: " + why + serving_words() +
          (never ? "; change the manifest, or `fairlead retry " + spec_.app + "` to try again"
                 : "; tries again by itself, and at once when the manifest changes"));
  draft_.report.out_of_sync("HealthCheckFailed", "the wanted revision failed its health check");
  return true;
}

// Steady time of the last failure. It ends only when the evidence is stopped.
Duration ProcessDiff::failed_at() const {
  Duration at{0};
  if (trial_.failures > 0) {
    at = now_.steady - std::max(Duration(0), now_.wall - trial_.failed);
  }
  if (!failed_ || !failed_->detail) return at;
  return std::max({at, failed_->detail->finished, failed_->detail->created});
}

// A container that was made since then is another try, which has not failed yet.
bool ProcessDiff::tried_since(Duration failed) const {
  return std::any_of(current_.begin(), current_.end(), [&](const auto& slot) {
    return !slot.second->detail || slot.second->detail->created >= failed;
  });
}

// Evidence of which nothing is remembered says itself why it failed, as far as it still shows. What
// got well by itself, or has nothing beside it any more, has not failed.
void ProcessDiff::note_failure() {
  const bool silent = failed_ && failed_->detail && !failed_->alive();
  if (silent && trial_.failures == 0 && !asked_since(manifest_changed, failed_at())) {
    trial_.failed = now_.wall - std::max(Duration(0), now_.steady - failed_at());
    trial_.failures = 1;
    trial_.why = evidence(*failed_);
  }
  const bool well = old_.empty() && !failed_ && missing().empty() && !current_.empty() &&
                    std::all_of(current_.begin(), current_.end(),
                                [&](const auto& slot) { return ready(*slot.second).ready(); });
  if (well) trial_.failures = 0;
}

bool ProcessDiff::asked_since(const std::string& counter, Duration when) const {
  const auto found = draft_.view.memory->counters.find(counter);
  return found != draft_.view.memory->counters.end() && found->second.last >= when;
}

void ProcessDiff::note_ends() {
  if (!spec_.once || draft_.view.wanted->app->suspend) return;
  for (const auto& [replica, container] : current_) {
    if (container->state != "exited" || !container->detail || is_retried(*container)) continue;
    const bool well = container->detail->exit_code == 0;
    trial_.ended[replica] = well ? "" : evidence(*container);
  }
}

// Of what was kept and cannot be read nobody knows whether it has run: to run it twice may do harm
// that waiting for a person does not.
bool ProcessDiff::has_ended(int replica) const {
  if (!spec_.once) return false;
  return trial_.ended.count(replica) > 0 || draft_.view.memory->trials.unknown();
}

// Whether a person has asked for another run of a job since this one ended.
bool ProcessDiff::is_retried(const SeenContainer& ended) const {
  if (ended.state != "exited" || !ended.detail) return false;
  const bool failed = ended.detail->exit_code != 0;
  return (failed && asked_since(retry_asked, ended.detail->finished)) ||
         asked_since(retry_asked + (" " + spec_.process), ended.detail->finished);
}

ProcessDiff::Needs ProcessDiff::clear_retried() {
  Needs gone;
  for (auto slot = current_.begin(); slot != current_.end();) {
    if (!is_retried(*slot->second)) {
      ++slot;
      continue;
    }
    const Needs last =
        retire(draft_, *slot->second, Ending::remove, "asked for by `fairlead retry`", {});
    gone.insert(gone.end(), last.begin(), last.end());
    slot = current_.erase(slot);
  }
  return gone;
}

// Jobs that have run, and whose containers are gone.
void ProcessDiff::describe_ended() {
  if (!spec_.once || draft_.view.wanted->app->suspend) return;
  Report& report = draft_.report;
  const std::string again =
      "; `fairlead retry " + spec_.app + "." + spec_.process + "` runs it once more";
  for (int replica = 1; replica <= spec_.replicas; ++replica) {
    if (current_.count(replica) > 0 || !has_ended(replica)) continue;
    const std::string name = container_name(replica);
    const auto ended = trial_.ended.find(replica);
    if (ended == trial_.ended.end()) {
      report.worsen(HealthState::missing, "NotKnown",
                    "whether " + name + " has run is not known: its container is gone, and what " +
                        "was kept of it cannot be read" + again);
      report.out_of_sync("NotKnown", "");
      continue;
    }
    const bool well = ended->second.empty();
    report.resources.push_back(
        {"container", name, well ? "completed" : ended->second, "its container is gone"});
    if (well) {
      serves(spec_.fingerprint);
    } else {
      report.worsen(HealthState::degraded, "Failed",
                    name + ": " + ended->second + "; its container is gone" + again);
    }
  }
}

// What stands in for one that failed, as far as the engine tells: fairlead asks only the wanted
// revision.
std::string ProcessDiff::serving_words() const {
  if (old_.empty()) return "";
  const SeenContainer& old = *old_.front();
  const bool loops = old.detail && old.detail->restart_count >= crash_loop_restarts &&
                     (old.state != "running" || now_.steady < old.detail->started + recovery);
  if (loops || old.state == "restarting") {
    return "; " + old.name + " does not serve either: " + evidence(old);
  }
  if (old.state != "running") return "; " + old.name + " is started again";
  if (old.detail && old.detail->health == "unhealthy") {
    return "; " + old.name + " is unhealthy, too";
  }
  return "; " + old.name + " serves on";
}

// "unhealthy: GET /up: 500, 12 times in 60s".
std::string ProcessDiff::with_times(const SeenContainer& container, const std::string& text) const {
  const auto& probes = draft_.view.memory->probes;
  const auto found = probes.find(probe_key(container));
  if (found == probes.end() || found->second.failed_asks < 2 || container.state != "running") {
    return text;
  }
  const auto span = std::max(std::chrono::round<seconds>(found->second.failing_for), seconds(1));
  return text + ", " + std::to_string(found->second.failed_asks) + " times in " +
         format_duration(span);
}

}  // namespace fairlead::docker
