#include "providers/docker/diff_process.h"

#include <algorithm>
#include <utility>

#include "providers/docker/backends.h"

namespace fairlead::docker {
namespace {

using std::chrono::seconds;

// For containers that were not inspected: as patient as a stop may ever be.
constexpr seconds stop_grace_unknown{300};
// So many starts that the engine refuses as wrong, or that fail for whatever reason, are enough.
constexpr int starts_invalid_max = 2;
constexpr int starts_failed_max = 3;

Duration created_at(const SeenContainer* container) {
  return container->detail ? container->detail->created : Duration(0);
}

}  // namespace

std::size_t Draft::add(Step step, std::string cause, std::vector<std::size_t> needs) {
  step.cause = std::move(cause);
  step.needs = std::move(needs);
  return plan.add(std::move(step));
}

std::vector<std::size_t> retire(Draft& draft, const SeenContainer& container, Ending ending,
                                const std::string& cause, std::vector<std::size_t> needs) {
  const auto then = [&](Step step) { needs = {draft.add(std::move(step), cause, needs)}; };
  const bool may_start = !container.detail || container.detail->restart != "no";
  // Or an engine that restarts in between would revive it.
  if (may_start && !container.going()) {
    then(draft.steps.update(container, std::nullopt, "no"));
  }
  if (container.alive()) {
    // A paused container does not hear its signal before the grace is over.
    if (container.state == "paused") then(draft.steps.unpause(container));
    const Duration grace =
        container.detail ? container.detail->stop_grace : Duration(stop_grace_unknown);
    then(draft.steps.stop(container, grace));
  }
  if (ending == Ending::remove && container.state != "removing") {
    then(draft.steps.remove(container));
  }
  return needs;
}

ProcessDiff::ProcessDiff(Draft& draft, const ContainerSpec& spec)
    : draft_(draft), spec_(spec), now_(draft.view.now) {
  const Trial* known = draft.view.memory->trials.find(spec.process, spec.fingerprint);
  if (known) trial_ = *known;
}

void ProcessDiff::run() {
  sort_out();
  note_failure();
  note_ends();
  clear_away();
  if (draft_.view.wanted->app->suspend) {
    suspend();
  } else if (spec_.once) {
    if (!draft_.refused) run_once();
  } else if (spec_.recreate) {
    recreate();
  } else {
    roll();
  }
  describe();
  draft_.report.trials->set(spec_.process, spec_.fingerprint, std::move(trial_));
}

void ProcessDiff::sort_out() {
  for (const SeenContainer& container : draft_.seen.containers) {
    if (container.identity.process == spec_.process) sort_in(container);
  }
  // Those that serve come first, then the younger ones.
  std::stable_sort(old_.begin(), old_.end(), [](const auto* a, const auto* b) {
    if (a->alive() != b->alive()) return a->alive();
    return created_at(a) > created_at(b);
  });
}

void ProcessDiff::sort_in(const SeenContainer& container) {
  const bool same = container.identity.fingerprint == spec_.fingerprint;
  if (container.going()) {
    taken_.insert(container.name);
    if (container.state == "dead") stale_.push_back(&container);
  } else if (container.failed()) {
    const bool speaks = same && failed_ == nullptr && !spec_.once;
    if (speaks) failed_ = &container;
    if (!speaks) stale_.push_back(&container);
  } else if (!same) {
    old_.push_back(&container);
  } else if (container.identity.replica > spec_.replicas || container.identity.replica < 1) {
    surplus_.push_back(&container);
  } else if (const SeenContainer*& slot = current_[container.identity.replica]; slot == nullptr) {
    slot = &container;
  } else {
    // Two claim the same place: the one that bears the name has it.
    const bool bears = container.name == container.canonical_name();
    surplus_.push_back(bears ? slot : &container);
    if (bears) slot = &container;
  }
}

std::vector<int> ProcessDiff::missing() const {
  std::vector<int> slots;
  for (int replica = 1; replica <= spec_.replicas; ++replica) {
    if (current_.count(replica) == 0 && !has_ended(replica)) slots.push_back(replica);
  }
  return slots;
}

void ProcessDiff::clear_away() {
  for (const SeenContainer* container : stale_) {
    retire(draft_, *container, Ending::remove, "left behind by an earlier revision", {});
  }
  if (draft_.view.wanted->app->suspend) return;
  for (const SeenContainer* container : surplus_) {
    const Needs gone =
        let_go(*container, Ending::remove, "replicas: " + std::to_string(spec_.replicas), {});
    // It may hold what only one may hold.
    if (spec_.recreate) cleared_.insert(cleared_.end(), gone.begin(), gone.end());
  }
}

void ProcessDiff::suspend() {
  std::vector<const SeenContainer*> all = old_;
  all.insert(all.end(), surplus_.begin(), surplus_.end());
  for (const auto& [replica, container] : current_) all.push_back(container);
  for (const SeenContainer* container : all) {
    let_go(*container, Ending::stop, "suspend: true", {});
  }
  draft_.report.worsen(HealthState::suspended, "Suspended", "suspended by the manifest");
}

// A job: each fingerprint runs to its end once. A newer one replaces an older one at once.
void ProcessDiff::run_once() {
  const Needs retried_gone = clear_retried();
  Needs gone = retried_gone;
  for (const SeenContainer* container : old_) {
    const Needs last =
        retire(draft_, *container, Ending::remove, "replaced by " + spec_.short_fingerprint(), {});
    gone.insert(gone.end(), last.begin(), last.end());
  }
  for (const int replica : missing()) {
    // Its name is free once an earlier run of it is gone.
    if (const auto created = create_slot(replica, retried_gone)) {
      Needs needs = gone;
      needs.push_back(*created);
      start_slot(replica, std::move(needs));
    }
  }
  for (const auto& [replica, container] : current_) {
    if (container->state != "exited") keep_running(*container, gone);
  }
}

void ProcessDiff::start_fresh() {
  for (const int replica : missing()) {
    if (const auto created = create_slot(replica, {})) start_slot(replica, {*created});
  }
  for (const auto& [replica, container] : current_) keep_running(*container);
}

// The new one beside the old ones; an old one goes for each new one that is healthy.
void ProcessDiff::roll() {
  if (old_.empty() && !failed_) return start_fresh();
  if (gate_failed() || failed_before()) return restore_old();
  if (old_.empty()) return start_fresh();
  std::size_t healthy = 0;
  Needs waits;
  for (const auto& [replica, container] : current_) {
    keep_running(*container);
    const bool is_ready = ready(*container).ready();
    if (is_ready && is_sent_requests(draft_.view, *container)) {
      ++healthy;
    } else {
      waits.push_back(
          draft_.add(Steps::wait("container " + container->name),
                     is_ready ? "until the edge sends requests to it" : "until it is healthy"));
    }
  }
  roll_out(healthy, std::move(waits));
}

// `before`: the waits for new ones that are there and not yet healthy. One container of the rollout
// at a time; what will follow stands behind waits.
void ProcessDiff::roll_out(std::size_t healthy, Needs before) {
  const std::string cause =
      spec_.replicas == 0 ? "replicas: 0" : "replaced by " + spec_.short_fingerprint();
  const std::size_t wanted = static_cast<std::size_t>(spec_.replicas);
  const std::size_t keep = wanted > healthy ? wanted - healthy : 0;
  std::vector<const SeenContainer*> serving = old_;
  const auto drop_last = [&](Needs needs) {
    if (serving.empty()) return needs;
    const SeenContainer* last = serving.back();
    serving.pop_back();
    return let_go(*last, Ending::remove, cause, std::move(needs));
  };
  while (serving.size() > keep) drop_last({});
  for (const SeenContainer* container : serving) keep_running(*container);
  for (const std::size_t wait : before) drop_last({wait});
  for (const int replica : missing()) {
    const auto created = create_slot(replica, before);
    if (!created) return;  // what serves goes only for what takes its place
    const std::size_t started = start_slot(replica, {*created});
    const std::size_t wait = draft_.add(Steps::wait("container " + container_name(replica)),
                                        "until it is healthy", {started});
    before = drop_last({wait});
  }
}

// Old and new cannot run at once: create the new one (errors show before anything stops), stop the
// old one, start the new one, remove the old one when the new one is healthy.
void ProcessDiff::recreate() {
  if (old_.empty() && !failed_) return start_fresh();
  if (gate_failed() || failed_before()) return restore_old();
  if (old_.empty()) return start_fresh();
  Needs created;
  const std::vector<int> slots = missing();
  for (const int replica : slots) {
    const auto step = create_slot(replica, {});
    if (!step) return restore_old();
    created.push_back(*step);
  }
  if (spec_.owner && !slots.empty()) created = {wait_for_owner(std::move(created))};
  const Needs stopped = stop_old(created);
  Needs until = stopped;
  for (const int replica : slots) {
    const std::size_t started = start_slot(replica, stopped);
    until.push_back(draft_.add(Steps::wait("container " + container_name(replica)),
                               "until it is healthy", {started}));
  }
  for (const auto& [replica, container] : current_) {
    keep_running(*container, stopped);
    if (ready(*container).ready()) continue;
    until.push_back(
        draft_.add(Steps::wait("container " + container->name), "until it is healthy", stopped));
  }
  for (const SeenContainer* container : old_) {
    draft_.add(draft_.steps.remove(*container), "replaced by " + spec_.short_fingerprint(), until);
  }
}

// As retire(), but what is sent requests goes only when it is sent none any more, and has answered
// those it had.
ProcessDiff::Needs ProcessDiff::let_go(const SeenContainer& container, Ending ending,
                                       const std::string& cause, Needs needs) {
  const Drain drain = drain_of(draft_.view, container);
  if (drain.due) draft_.report.due(*drain.due);
  if (!drain.wait.empty()) {
    needs = {draft_.add(Steps::wait("container " + container.name), drain.wait, std::move(needs))};
  }
  return retire(draft_, container, ending, cause, std::move(needs));
}

ProcessDiff::Needs ProcessDiff::stop_old(const Needs& needs) {
  Needs stopped = needs;
  for (const SeenContainer* container : old_) {
    const Needs last = retire(draft_, *container, Ending::stop,
                              "makes room for " + spec_.short_fingerprint(), needs);
    if (last != needs) stopped.insert(stopped.end(), last.begin(), last.end());
  }
  return stopped;
}

// The old ones serve, as many as are wanted; where old and new cannot stand side by side, the
// youngest old one alone.
void ProcessDiff::restore_old() {
  const std::size_t keep =
      static_cast<std::size_t>(spec_.recreate ? std::min(1, spec_.replicas) : spec_.replicas);
  if (!spec_.recreate) {
    for (const auto& [replica, container] : current_) {
      if (!failing_.empty() || ready(*container).broken()) continue;
      keep_running(*container);
    }
  }
  for (std::size_t i = 0; i < old_.size() && i < keep; ++i) keep_running(*old_[i], failing_);
}

// While old ones are there, a new one that is broken, or late, is put aside.
bool ProcessDiff::gate_failed() {
  if (old_.empty()) return false;
  for (const auto& [replica, container] : current_) {
    const Readiness is = ready(*container);
    if (is.ready() || !container->detail) continue;
    if (is.broken()) {
      fail(*container, with_times(*container, is.text));
    } else if (container->state == "created" && cannot_start(*container)) {
      fail(*container, "cannot be started");
    } else if (container->state == "running") {
      const Duration due = container->detail->started + deadline_of(spec_, *container);
      if (is_late(*container)) {
        fail(*container, "not healthy within its deadline: " + with_times(*container, is.text) +
                             shortfall(spec_, *container));
      }
      if (now_.steady < due) draft_.report.due(due);
    }
  }
  return !failing_.empty();
}

// A daemon that was just started has asked nothing yet, and says nothing of one that served before.
bool ProcessDiff::is_late(const SeenContainer& container) const {
  if (!container.detail) return false;
  if (now_.steady < container.detail->started + deadline_of(spec_, container)) return false;
  return was_asked_in_vain(spec_, container, *draft_.view.memory);
}

// An engine that is in trouble for a while says nothing about the container; being told that it is
// wrong does, and so does failing for as long as it had to become healthy.
bool ProcessDiff::cannot_start(const SeenContainer& container) const {
  const auto count = [&](const std::string& what) {
    const auto& counters = draft_.view.memory->counters;
    const auto found = counters.find(what + " start container " + container.name);
    return found == counters.end() ? 0 : found->second.count;
  };
  const bool late =
      now_.steady >= container.detail->created + spec_.deadline.value_or(default_deadline);
  return count("invalid") >= starts_invalid_max || (late && count("failed") >= starts_failed_max);
}

// The name is what lasts: it is given first, so that nobody who looks in the middle takes the
// container for one that was stopped by hand.
void ProcessDiff::fail(const SeenContainer& container, const std::string& why) {
  // There is one piece of evidence for each process, and its name is taken.
  if (failed_ && evidence_gone_.empty()) {
    evidence_gone_ = retire(draft_, *failed_, Ending::remove, "an earlier try", {});
  }
  Step rename =
      draft_.steps.rename(container, container.canonical_name() + SeenContainer::failed_suffix);
  rename.fails = {spec_.process, spec_.fingerprint, why};
  // Named before it is stopped; but between two starts of a crash loop the engine refuses
  // to rename: "sandbox … not found".
  const bool loops = container.state == "restarting";
  const Needs before =
      loops ? retire(draft_, container, Ending::stop, why, evidence_gone_) : evidence_gone_;
  const std::size_t renamed = draft_.add(std::move(rename), "kept as evidence: " + why, before);
  const Needs stopped =
      loops ? Needs{renamed} : retire(draft_, container, Ending::stop, why, {renamed});
  failing_.insert(failing_.end(), stopped.begin(), stopped.end());
  draft_.report.gate_failed = true;
  draft_.report.worsen(HealthState::degraded, "HealthCheckFailed",
                       container.name + " failed (" + why + ")" + serving_words());
}

Readiness ProcessDiff::ready(const SeenContainer& container) const {
  return readiness(spec_, container, *draft_.view.memory, now_);
}

std::string ProcessDiff::container_name(int replica) const {
  return Identity{"container", spec_.app, spec_.process, spec_.fingerprint, replica}.name();
}

}  // namespace fairlead::docker
