// The part of Reconciler that carries out passes: observe → diff → submit, for one app at a time.

#include <algorithm>
#include <utility>

#include "reconciler/reconciler.h"
#include "reconciler/units.h"

namespace fairlead {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t history_max = 30;
constexpr int repeats_max = 3;
constexpr milliseconds soonest{10};
constexpr milliseconds fresh_for{500};

// How long to wait when the world has moved under a plan: at first not at all.
Duration moved_wait(int moves) {
  if (moves <= 1) return Duration(0);
  return std::min<Duration>(milliseconds(20) * (1 << std::min(moves, 9)), seconds(5));
}

// What no provider offers yet cannot be half given: nothing of this app is touched.
void leave_alone(const AppState& state, Plan& plan, Report& report) {
  plan = Plan();
  Report left;
  left.resources = std::move(report.resources);
  left.running = std::move(report.running);
  const std::string why =
      "needs " + state.wanted->unmet.front() +
      ", which nothing on this host offers; its containers are left as they are";
  if (left.running.empty()) left.worsen(HealthState::missing, "NeedNotOffered", why);
  left.out_of_sync("NeedNotOffered", why);
  report = std::move(left);
}

bool released(const AppState& state, const Step& step) {
  return std::all_of(step.needs.begin(), step.needs.end(),
                     [&](std::size_t need) { return state.states[need] == StepState::done; });
}

// A service that cannot be asked: what runs is left alone, what is new waits for it.
void without(const AppState& state, const Link& held, Plan& plan, Report& report) {
  const std::string service(held.provider().name());
  const std::string why = service + ": " + (held.up() ? "not looked at yet" : held.error());
  report.out_of_sync("ServiceUnavailable", why);
  if (!state.wanted) return;
  for (const Resource& resource : state.wanted->resources) {
    if (resource.provider != service) continue;
    Step wait;
    wait.verb = "wait";
    wait.resource = resource.id();
    wait.cause = why;
    plan.add(std::move(wait));
    report.resources.push_back({resource.kind, resource.name, "unknown", why});
  }
}

// A step that succeeds and changes nothing must not be repeated without end.
Duration pause_after_deeds(AppState& state) {
  std::string text = state.plan.text();
  state.repeats = text == state.last_plan ? state.repeats + 1 : 0;
  state.last_plan = std::move(text);
  return state.repeats >= repeats_max ? backoff(state.repeats) : Duration(0);
}

}  // namespace

void Reconciler::mark_dirty(AppState& state, Duration due) {
  if (state.left_out && !state.removing) return;
  state.due = std::min(state.due, due);
  schedule(state);
}

void Reconciler::schedule(AppState& state) {
  const Duration at = may_begin(state) ? state.due : never;
  if (state.scheduled == at) return;
  if (state.scheduled != never) schedule_.erase({state.scheduled, state.name});
  state.scheduled = at;
  if (at != never) schedule_.insert({at, state.name});
}

bool Reconciler::may_begin(const AppState& state) const {
  return state.phase == AppState::Phase::idle && engine().up() &&
         (!state.left_out || state.removing);
}

void Reconciler::begin_passes() {
  while (!schedule_.empty() && schedule_.begin()->first <= now_.steady &&
         observing_ < observing_max) {
    AppState& state = apps_.at(schedule_.begin()->second);
    schedule_.erase(schedule_.begin());
    state.scheduled = never;
    if (may_begin(state)) begin_pass(state);
  }
  // Between passes nobody holds a reference to an app that is gone.
  for (const std::string& name : std::exchange(forgotten_, {})) {
    const auto found = apps_.find(name);
    if (found == apps_.end() || found->second.phase != AppState::Phase::idle) continue;
    if (found->second.wanted || found->second.removing) continue;
    found->second.due = never;
    schedule(found->second);
    for (Link& held : links_) held.forget_share(name);
    apps_.erase(found);
  }
}

void Reconciler::begin_pass(AppState& state) {
  const Blame blame({state.name, state.version});
  state.phase = AppState::Phase::observing;
  state.pass = ++passes_;
  state.began = now_.steady;
  state.due = never;
  state.observing_hints = std::exchange(state.hinted, {});
  state.looked_at.clear();
  ++observing_;
  for (const Link& held : links_) {
    if (!held.up() || !involved(state, held)) continue;
    const std::string provider(held.provider().name());
    state.looked_at.insert(provider);
    Scope scope;
    scope.app = state.name;
    scope.wanted = state.wanted.get();
    scope.before = state.seen[provider].get();
    scope.listed = state.listed.count(provider) > 0;
    scope.hinted = &state.observing_hints;
    scope.memory = &state.memory;
    scope.to_read = state.to_read;
    scope.images = &images_;
    scope.platform = platform_.get();
    scope.place = place_of(state);
    scope.now = now_;
    state.observers[provider] = {held.provider().observe(*held.session(), scope), 0, ""};
  }
  state.listed.clear();
  observe_more(state);
}

void Reconciler::observe_more(AppState& state) {
  for (auto& [provider, watching] : state.observers) {
    for (auto& call : watching.observer->next()) {
      expect(ask(std::move(call)),
             {Expected::For::observation, state.name, watching.asked++, provider, state.pass, {}});
      ++state.outstanding;
    }
  }
  if (state.outstanding == 0) observed(state);
}

void Reconciler::take_observation(AppState& state, const Expected& expected, const Answer& answer) {
  const auto watching = state.observers.find(expected.key);
  if (state.pass != expected.pass || watching == state.observers.end()) return;
  const Result<void> taken = watching->second.observer->take(expected.index, answer);
  if (!taken) watching->second.error = taken.error().message;
  if (--state.outstanding > 0) return;
  if (!worthless(state)) return observe_more(state);
  state.observers.clear();
  state.phase = AppState::Phase::idle;
  --observing_;
  state.hinted.merge(state.observing_hints);
  ++state.observe_failures;
  // The first time it is most likely an object that went while it was looked at.
  const Duration wait =
      state.observe_failures == 1 ? moved_wait(2) : backoff(state.observe_failures);
  mark_dirty(state, now_.steady + jitter_.around(wait));
}

// Nothing is decided from half an observation. A service of which no sense came is lost, and the
// rest of the app is looked after without it.
bool Reconciler::worthless(AppState& state) {
  bool engine_erred = false;
  for (auto watching = state.observers.begin(); watching != state.observers.end();) {
    Link& asked = *link(watching->first);
    const bool erred = !watching->second.error.empty();
    if (erred && &asked == &engine()) engine_erred = true;
    if (erred && &asked != &engine() && asked.up()) {
      asked.lost(watching->second.error, now_);
      connection_lost(asked);
    }
    if (erred) state.looked_at.erase(watching->first);
    watching = erred ? state.observers.erase(watching) : std::next(watching);
  }
  return engine_erred;
}

void Reconciler::observed(AppState& state) {
  for (auto& [provider, watching] : state.observers) {
    Observer::Observed result = watching.observer->finish();
    const SectionPtr before = std::exchange(state.seen[provider], result.apps[state.name]);
    tell_concerned(state, *link(provider), before);
    state.asked.insert(provider);
  }
  state.observers.clear();
  state.observed = now_.wall;
  state.observe_failures = 0;
  state.memory.suspects.clear();
  --observing_;
  if (!take_images(state)) return diff(state);
  // For what is wanted now other things may have to be looked at.
  state.phase = AppState::Phase::idle;
  mark_dirty(state, now_.steady);
}

void Reconciler::diff(AppState& state) {
  Plan plan;
  Report report;
  const std::string last_guest = state.removing ? guest_that_goes(state) : "";
  if (!last_guest.empty()) {
    report.worsen(HealthState::progressing, "Removing",
                  "first the app " + last_guest + ", which uses it, is removed");
  }
  const View at_engine = view_of(state, engine());
  state.standing = engine().provider().standing(at_engine);
  for (const Link& held : links_) {
    if (!last_guest.empty()) continue;
    // What was made to read an image must go, whatever became of the app.
    const bool concerned = state.wanted || state.removing || &held == &engine();
    if (concerned && involved(state, held)) diff_at(state, held, at_engine, plan, report);
  }
  if (state.wanted && !state.wanted->unmet.empty()) leave_alone(state, plan, report);
  for (const Step& step : plan.steps()) {
    if (!step.claim.empty()) claims_.add(state.name, step.claim);
  }
  state.plan = std::move(plan);
  state.states.assign(state.plan.steps().size(), StepState::waiting);
  state.done = state.failed = 0;
  state.moved = false;
  state.engine_written = false;
  state.planned = true;
  state.phase = AppState::Phase::acting;
  plan_probes(state, at_engine);
  if (report.trials) state.memory.trials = *report.trials;
  keep_trials(state);
  take_shares(state);
  describe(state, std::move(report));
  if (options_.mode == Mode::plan) return end_pass(state);
  judge_choice(state);
  act(state);
}

void Reconciler::diff_at(const AppState& state, const Link& held, const View& at_engine, Plan& plan,
                         Report& report) const {
  const std::size_t before = plan.steps().size();
  // One that came up in the middle of the pass has not been asked: what is there would be made
  // anew.
  if (!held.up() || state.looked_at.count(std::string(held.provider().name())) == 0) {
    without(state, held, plan, report);
  } else {
    View view = &held == &engine() ? at_engine : view_of(state, held);
    for (std::size_t i = 0; i < before; ++i) view.prerequisites.push_back(i);
    held.provider().diff(view, plan, report);
  }
  for (std::size_t i = before; i < plan.steps().size(); ++i) {
    plan.steps()[i].provider = held.provider().name();
  }
}

void Reconciler::act(AppState& state) {
  const auto& steps = state.plan.steps();
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (state.states[i] != StepState::waiting || steps[i].waits() || !released(state, steps[i]))
      continue;
    const auto retry = state.retries.find(step_key(steps[i]));
    if (state.in_flight.count(step_key(steps[i])) > 0) {
      state.states[i] = StepState::running;
    } else if (retry != state.retries.end() && retry->second.not_before > now_.steady) {
      state.states[i] = StepState::held;
      state.report.due(retry->second.not_before);
    } else {
      submit_step(state, i);
    }
  }
  end_if_done(state);
}

void Reconciler::submit_step(AppState& state, std::size_t index) {
  const Step& step = state.plan.steps()[index];
  state.states[index] = StepState::running;
  Request request{++last_id_, {}};
  const Call call = step.call();
  const Tenant* tenant = tenant_of(platform_->tenants, catalog_.source_of(state.name));
  const Result<void> allowed = link(step.provider)->provider().policy(call, *platform_, tenant);
  if (!allowed) {
    state.states[index] = StepState::failed;
    return step_failed(state, step, allowed.error());
  }
  std::visit([&](const auto& what) { request.what = what; }, call);
  Expected expected{Expected::For::step, state.name, index, step_key(step), state.pass, {}};
  expected.step = {step, state.pass, now_.steady};
  expect(request.id, std::move(expected));
  state.in_flight[step_key(step)] = request.id;
  if (step.provider == engine().provider().name()) state.engine_written = true;
  const bool slotless = step.patient || std::holds_alternative<FileCall>(step.request);
  if (slotless) {
    out_->push_back(std::move(request));
  } else {
    queues_.at(step.provider).push(state.name, std::move(request));
  }
}

void Reconciler::take_step(const Expected& expected, const Answer& answer) {
  told_.progress.erase(expected.key);
  const auto found = apps_.find(expected.owner);
  if (found == apps_.end()) return;
  AppState& state = found->second;
  state.in_flight.erase(expected.key);
  if (expected.step.step.provider == engine().provider().name()) state.engine_written = true;
  const Outcome outcome =
      link(expected.step.step.provider)->provider().judge(expected.step.step, answer);
  // A plan that was made since may have the same step; the answer counts for it as well.
  const auto& steps = state.plan.steps();
  for (std::size_t i = 0; i < steps.size() && state.phase == AppState::Phase::acting; ++i) {
    if (state.states[i] != StepState::running || step_key(steps[i]) != expected.key) continue;
    state.states[i] = outcome.next == Outcome::Next::done ? StepState::done : StepState::failed;
  }
  take_outcome(state, expected.step, outcome);
  if (state.phase == AppState::Phase::acting) return act(state);
  // It went on behind its pass.
  const bool done = outcome.next == Outcome::Next::done;
  mark_dirty(state, now_.steady + (done ? pause_after_deeds(state) : Duration(0)));
}

void Reconciler::take_outcome(AppState& state, const InFlight& flight, const Outcome& outcome) {
  const Step& step = flight.step;
  for (const auto& [name, text] : outcome.notes) state.memory.notes[name] = text;
  // Its event may come later than its answer.
  if (!step.object.empty()) state.hinted.insert(step.object);
  switch (outcome.next) {
    case Outcome::Next::done:
      state.retries.erase(step_key(step));
      state.memory.counters.erase("failed " + step_name(step));
      state.memory.counters.erase("invalid " + step_name(step));
      state.memory.troubles.erase(step_name(step));
      if (!step.count_as.empty()) {
        Counter& counter = state.memory.counters[step.count_as];
        ++counter.count;
        counter.last = now_.steady;
      }
      if (step.fails) {
        const auto& [process, fingerprint, why] = *step.fails;
        state.memory.trials.failed(process, fingerprint, why, now_.wall);
        keep_trials(state);
      }
      ++state.done;
      return note(state, flight, "");
    case Outcome::Next::look_again:
      state.moved = true;
      if (!outcome.suspect.empty()) state.memory.suspects.insert(outcome.suspect);
      if (outcome.relist) link(step.provider)->relist();
      return note(state, flight, outcome.error.message + "; looking again");
    case Outcome::Next::put_off: {
      Trouble& trouble = state.memory.troubles[step_name(step)];
      trouble = {outcome.error.message, trouble.count + 1, now_.steady};
      state.report.due(now_.steady);
      return note(state, flight, outcome.error.message);
    }
    case Outcome::Next::failed:
      note(state, flight, outcome.error.message);
      return step_failed(state, step, outcome.error);
  }
}

void Reconciler::step_failed(AppState& state, const Step& step, const Error& error) {
  Retry& retry = state.retries[step_key(step)];
  ++state.memory.counters["failed " + step_name(step)].count;
  if (error.code == Code::invalid) ++state.memory.counters["invalid " + step_name(step)].count;
  ++retry.failures;
  retry.error = error.message;
  retry.not_before = now_.steady + jitter_.around(backoff(retry.failures));
  ++state.failed;
  state.report.due(retry.not_before);
  Report report = state.report;
  report.worsen(HealthState::degraded, "StepFailed", error.message);
  describe(state, std::move(report));
}

void Reconciler::note(AppState& state, const InFlight& flight, const std::string& trouble) {
  const Duration took = now_.steady - flight.sent;
  LogRecord record;
  record.level = trouble.empty() ? LogRecord::Level::info : LogRecord::Level::warning;
  record.app = state.name;
  record.verb = flight.step.verb;
  record.resource = flight.step.resource;
  record.cause = trouble.empty() ? flight.step.cause : trouble;
  record.pass = std::to_string(flight.pass);
  record.took = took;
  state.history.push_back({now_.wall, record.verb + " " + record.resource + ": " + record.cause +
                                          " (" + format_duration(took) + ")"});
  if (state.history.size() > history_max) state.history.pop_front();
  log(std::move(record));
}

void Reconciler::end_if_done(AppState& state) {
  const auto& steps = state.plan.steps();
  for (std::size_t i = 0; i < steps.size(); ++i) {
    // What is slow by its nature goes on behind the pass, so that the app's other parts are looked
    // after meanwhile.
    if (state.states[i] == StepState::running && !steps[i].patient) return;
  }
  end_pass(state);
}

void Reconciler::end_pass(AppState& state) {
  state.phase = AppState::Phase::idle;
  const bool seen_whole = std::all_of(links_.begin(), links_.end(), [&](const Link& held) {
    return held.up() || !involved(state, held) || nobody_runs(held);
  });
  const bool removal_done = state.removing && state.plan.empty() && state.in_flight.empty() &&
                            seen_whole && nothing_left(state);
  if (removal_done) return finish_removal(state);
  // Never at once: what is due now was just looked at.
  Duration due = std::max<Duration>(state.report.look_again.value_or(never), now_.steady + soonest);
  for (const auto& [key, retry] : state.retries) {
    if (retry.not_before > now_.steady) due = std::min(due, retry.not_before);
  }
  state.moves = state.moved ? state.moves + 1 : 0;
  if (state.moved) due = std::min(due, now_.steady + moved_wait(state.moves));
  if (state.done > 0) due = std::min(due, now_.steady + pause_after_deeds(state));
  if (state.done + state.failed > 0) {
    LogRecord record;
    record.app = state.name;
    record.verb = "pass";
    record.cause = std::to_string(state.done) + " done" +
                   (state.failed > 0 ? ", " + std::to_string(state.failed) + " failed" : "") +
                   " of " + std::to_string(state.plan.steps().size()) + " steps";
    record.pass = std::to_string(state.pass);
    record.took = now_.steady - state.began;
    log(std::move(record));
  }
  // What only others were asked to do, or what is waited for a moment, is nothing new of the
  // engine's; what its events tell is.
  const bool fresh = state.done > 0 || due < now_.steady + fresh_for;
  if (fresh && !state.engine_written && state.due > now_.steady) {
    state.listed.insert(std::string(engine().provider().name()));
  }
  state.due = std::min(state.due, due);
  schedule(state);
}

void Reconciler::describe(AppState& state, Report report) {
  if (state.plan.has_requests() || std::any_of(state.plan.steps().begin(), state.plan.steps().end(),
                                               [](const Step& step) { return step.waits(); })) {
    report.out_of_sync("Converging", "");
  }
  for (const Step& step : state.plan.steps()) {
    const auto retry = state.retries.find(step_key(step));
    if (retry != state.retries.end())
      report.worsen(HealthState::degraded, "StepFailed", retry->second.error);
  }
  if (state.removing) {
    report.worsen(HealthState::progressing, "Removing", "its manifest is gone");
    report.out_of_sync("Removing", "its manifest is gone");
  }
  if (!state.frozen.empty()) {
    // Where nothing else is known, nothing serves.
    const bool alone = !state.wanted && !state.removing;
    if (alone) report.worsen(HealthState::degraded, "InvalidManifest", state.frozen);
    report.out_of_sync("InvalidManifest", state.frozen);
  }
  const std::string other = local_.told(state.name);
  if (state.wanted && !other.empty()) report.out_of_sync("ImageNotTried", other);
  if (!state.doubled.empty()) report.out_of_sync("NameTaken", state.doubled);
  if (undecided(state.name)) {
    const std::string why = "asks its registry which image is to run";
    if (!state.wanted) report.worsen(HealthState::unknown, "AsksRegistry", why);
    report.out_of_sync("AsksRegistry", why);
  }
  if (!state.wanted && !state.removing && state.to_read.empty() && state.frozen.empty()) {
    report.worsen(HealthState::unknown, "NotWanted", "nothing is wanted of it");
  }
  report.wanted = state.wanted ? state.wanted->revision : "";
  for (LogRecord& due : due_warnings(state, report, told_, now_)) log(std::move(due));
  const bool news =
      report.health != state.report.health ||
      (report.health == HealthState::degraded && report.reason != state.report.reason);
  const bool moved = news || report.sync != state.report.sync;
  if (moved) state.since = now_.wall;
  const bool health_moved = report.health != state.report.health;
  state.report = std::move(report);
  if (health_moved) wake_dependents(state.name);
  tell_guests(state);
  if (!news) return;
  LogRecord record;
  const bool bad = state.report.health == HealthState::degraded;
  record.level = bad ? LogRecord::Level::warning : LogRecord::Level::info;
  record.app = state.name;
  record.verb = "health";
  record.resource = health_name(state.report.health);
  record.cause = state.report.health == HealthState::healthy
                     ? ""
                     : state.report.reason + ": " + state.report.message;
  record.pass = std::to_string(state.pass);
  log(std::move(record));
}

}  // namespace fairlead
