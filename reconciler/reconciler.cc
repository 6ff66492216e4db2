#include "reconciler/reconciler.h"

#include <algorithm>
#include <utility>

#include "reconciler/check.h"
#include "reconciler/warnings.h"

namespace fairlead {
namespace {

// In Mode::once: so many failures of one step, and it is not waited for any longer.
constexpr int failures_max = 3;
// The same for connections.
constexpr int tries_max = 3;

bool hopeless(const AppState& state) {
  if (!state.report.conflicts.empty() || (state.wanted && !state.wanted->unmet.empty()))
    return true;
  if (state.report.health == HealthState::degraded && state.report.reason != "StepFailed")
    return true;
  return std::any_of(state.retries.begin(), state.retries.end(),
                     [](const auto& entry) { return entry.second.failures >= failures_max; });
}

// What a provider asks for all apps is asked for nobody in particular.
Suspect suspect_of(const Expected& expected, const std::map<std::string, AppState>& apps) {
  using For = Expected::For;
  if (expected.what == For::handshake || expected.what == For::listing) return {};
  const auto found = apps.find(expected.owner);
  return found == apps.end() ? Suspect{} : Suspect{found->first, found->second.version};
}

}  // namespace

Reconciler::Reconciler(Providers providers, std::shared_ptr<const Platform> platform,
                       const std::vector<LastGood>& last_good, LoopOptions options)
    : providers_(std::move(providers)),
      platform_(std::move(platform)),
      options_(options),
      jitter_(options.seed),
      updates_(options.seed) {
  Link::Timing timing;
  timing.resync = platform_->engine.resync;
  timing.stream = options_.mode != Mode::plan;
  FAIRLEAD_CHECK(!providers_.empty());
  for (const auto& provider : providers_) {
    links_.emplace_back(*provider, timing, options_.seed++);
    queues_.emplace(provider->name(), platform_->engine.concurrency);
  }
  for (const LastGood& kept : options_.deaths) quarantine_.restore(kept.name, kept.text);
  catalog_.leave_out(quarantine_);
  // What an earlier run has kept was read from outside: it may be what ended the daemon.
  const auto each = [this](const std::vector<LastGood>& all, const auto& take) {
    for (const LastGood& kept : all) {
      const Suspect suspect{kept.name, "kept"};
      if (quarantine_.holds(suspect)) continue;
      const Blame blame(suspect);
      take(kept);
    }
  };
  each(last_good, [this](const LastGood& kept) { catalog_.restore({kept}); });
  each(options_.choices, [this](const LastGood& kept) { updates_.restore(kept.name, kept.text); });
  each(options_.images, [this](const LastGood& kept) { images_.restore(kept.name, kept.text); });
  each(options_.local, [this](const LastGood& kept) { local_.restore(kept.name, kept.text); });
  each(options_.hosts, [this](const LastGood& kept) { owners_.restore(kept.name, kept.text); });
  each(options_.names, [this](const LastGood& kept) { catalog_.names().restore(kept.text); });
  each(options_.schemes, [this](const LastGood& kept) { schemes_.restore(kept.text); });
  each(options_.served, [this](const LastGood& kept) { served_.restore(kept.name, kept.text); });
  each(options_.trials, [this](const LastGood& kept) {
    AppState& state = app(kept.name);
    state.memory.trials = Trials::decode(state.trials_kept = kept.text);
  });
}

std::vector<Request> Reconciler::handle(const Event& event, Instant now) {
  std::vector<Request> out;
  now_ = now;
  out_ = &out;
  std::visit([this](const auto& happened) { on(happened); }, event);
  if (!stopped_) advance();
  out_ = nullptr;
  for (Request& request : out) {
    const auto asked = requests_.find(request.id);
    if (asked != requests_.end()) request.suspect = suspect_of(asked->second, apps_);
  }
  return out;
}

void Reconciler::advance() {
  if (std::exchange(reread_due_, false) && reading_) on(ManifestsChanged{reading_});
  place_links();
  wake_links();
  const bool anew = guard_due_;  // what is wanted, or what is seen, was read
  if (anew || (verdict_.due && now_.steady >= *verdict_.due)) guard_removals();
  if (anew && !guard_due_) {
    const auto asked = budget_of(apps_, *platform_, engine().session());
    for (LogRecord& record : untold(asked, told_)) log(std::move(record));
  }
  for (const std::string& name : local_.take_changed()) {
    keep(local_folder, name, local_.encode(name));
  }
  for (const std::string& name : served_.take_changed()) {
    keep(served_folder, name, served_.encode(name));
  }
  if (now_.steady >= unsaved_.due) save_again();
  ask_registries();
  begin_passes();
  send_probes();
  answer_images(false);
  for (auto& [provider, queue] : queues_) {
    for (Request& request : queue.take(now_.steady)) out_->push_back(std::move(request));
  }
}

Duration Reconciler::deadline() const {
  Duration due = unsaved_.due;
  for (const Link& link : links_) due = std::min(due, link.due());
  if (!schedule_.empty() && observing_ < observing_max)
    due = std::min(due, schedule_.begin()->first);
  if (!probe_schedule_.empty()) due = std::min(due, probe_schedule_.begin()->first);
  if (verdict_.due) due = std::min(due, *verdict_.due);
  if (options_.mode != Mode::plan) due = std::min(due, updates_.due());
  for (const auto& [command, asker] : askers_) due = std::min(due, asker.until);
  for (const auto& [provider, queue] : queues_) {
    if (const auto slot = queue.due(now_.steady)) due = std::min(due, *slot);
  }
  return due;
}

RequestId Reconciler::send(decltype(Request::what) what) {
  Request request;
  request.id = ++last_id_;
  request.what = std::move(what);
  out_->push_back(std::move(request));
  return last_id_;
}

RequestId Reconciler::ask(Call call) {
  return std::visit([this](auto& what) { return send(std::move(what)); }, call);
}

void Reconciler::log(LogRecord record) {
  // A plan is its own report; only what is wrong is told beside it.
  if (options_.mode == Mode::plan && record.level < LogRecord::Level::warning) return;
  send(std::move(record));
}

AppState& Reconciler::app(const std::string& name) {
  AppState& state = apps_[name];
  if (state.name.empty()) {
    state.name = name;
    state.report.health = HealthState::unknown;
    state.report.sync = SyncState::unknown;
    state.report.reason = "NotSeenYet";
    state.since = now_.wall;
  }
  return state;
}

Link* Reconciler::link(const std::string& provider) {
  const auto found = std::find_if(links_.begin(), links_.end(), [&](const Link& held) {
    return held.provider().name() == provider;
  });
  return found == links_.end() ? nullptr : &*found;
}

void Reconciler::on(const Answered& event) {
  const auto found = requests_.find(event.request);
  if (found == requests_.end()) return;
  const Expected expected = std::move(found->second);
  requests_.erase(found);
  const Blame blame(suspect_of(expected, apps_));
  for (auto& [provider, queue] : queues_) queue.done(event.request);
  switch (expected.what) {
    case Expected::For::handshake:
      return link(expected.owner)->take_handshake(expected.pass, event.answer, *platform_, now_);
    case Expected::For::listing: {
      Link& listed = *link(expected.owner);
      const int tries = listed.tries();
      auto observed = listed.take_listing(expected.pass, expected.index, event.answer, now_);
      if (observed) take_listing(listed, std::move(*observed));
      if (listed.tries() > tries) {
        tell_seldom(told_.list_failed[expected.owner],
                    {LogRecord::Level::error, "", "list", expected.owner,
                     listed.error() + "; until it can be listed, nothing is "
                                      "done",
                     "", std::nullopt});
      }
      return;
    }
    case Expected::For::observation:
      return take_observation(app(expected.owner), expected, event.answer);
    case Expected::For::step:
      return take_step(expected, event.answer);
    case Expected::For::probe:
      return take_probe(expected, event.answer);
    case Expected::For::save:
      return take_save(expected, event.answer);
    case Expected::For::update:
      return follow(updates_.take(expected.pass, event.answer, now_));
  }
}

// A pull takes minutes; its progress is told every few seconds.
void Reconciler::on(const Progressed& event) {
  const auto found = requests_.find(event.request);
  if (found == requests_.end() || found->second.what != Expected::For::step) return;
  constexpr std::chrono::seconds apart{5};
  Duration& logged = told_.progress[found->second.key];
  if (logged.count() != 0 && now_.steady < logged + apart) return;
  logged = now_.steady;
  const Result<Json> line = Json::parse(event.line);
  if (!line) return;
  LogRecord record;
  record.app = found->second.owner;
  record.verb = "pulling";
  record.resource = found->second.step.step.resource;
  record.cause = (*line)["status"].as_string() + " " + (*line)["progress"].as_string();
  log(std::move(record));
}

void Reconciler::on(const StreamOpened& event) {
  const auto found = streams_.find(event.stream);
  if (found != streams_.end()) link(found->second)->take_stream_opened();
}

void Reconciler::on(const StreamClosed& event) {
  const auto found = streams_.find(event.stream);
  if (found == streams_.end()) return;
  const std::string provider = found->second;
  streams_.erase(found);
  Link& lost = *link(provider);
  const bool was_up = lost.up();
  lost.take_stream_closed(event.error, now_);
  if (was_up && !lost.up()) connection_lost(lost);
}

void Reconciler::on(const Hinted& event) {
  const auto found = streams_.find(event.stream);
  if (found == streams_.end()) return;
  Link& hinted = *link(found->second);
  const Hint hint = hinted.provider().decode_event(event.line);
  if (hint.all) hinted.relist();
  if (!hint.image.empty()) look_at_tags({{hint.image, ""}});
  // A service that is attached to the network of an app that uses it is told of under the network's
  // name.
  for (const Link& held : links_) {
    const auto service = apps_.find(held.provider().hosted_by(*platform_));
    if (hint.object.empty() || service == apps_.end() || service->first == hint.app) continue;
    const auto ids = hinted.provider().objects(
        service->second.seen[std::string(hinted.provider().name())].get());
    if (std::find(ids.begin(), ids.end(), hint.object) == ids.end()) continue;
    service->second.listed.erase(found->second);
    mark_dirty(service->second, now_.steady);
  }
  const auto known = apps_.find(hint.app);
  if (hint.app.empty() || known == apps_.end()) return;
  if (!hint.object.empty()) known->second.hinted.insert(hint.object);
  known->second.listed.erase(found->second);
  mark_dirty(known->second, now_.steady);
}

void Reconciler::on(const EventsLost& event) {
  const auto found = streams_.find(event.stream);
  if (found == streams_.end()) return;
  Link& informed = *link(found->second);
  informed.take_events_lost(now_);
  tell_seldom(told_.events_lost,
              {LogRecord::Level::warning, "", "events", found->second,
               "lost: " + event.why + ", " + std::to_string(informed.events_lost()) +
                   " times by now; everything is listed anew",
               "", std::nullopt});
}

// What may go on for weeks: once a minute.
void Reconciler::tell_seldom(Duration& told, LogRecord record) {
  constexpr std::chrono::minutes apart{1};
  if (told.count() != 0 && now_.steady < told + apart) return;
  told = now_.steady;
  log(std::move(record));
}

void Reconciler::on(const PlatformChanged& event) {
  platform_ = event.platform;
  for (auto& [provider, queue] : queues_) queue.set_slots(platform_->engine.concurrency);
  for (Link& held : links_) held.set_resync(platform_->engine.resync);
  LogRecord record;
  record.verb = "reload";
  record.resource = "platform file";
  log(std::move(record));
  share_out();
  want_all();
  // The trouble may have been the login.
  for (const auto& [name, entry] : catalog_.entries()) {
    if (!updates_.summary(name)["error"].as_string().empty()) updates_.ask(name, now_);
  }
  guard_due_ = true;
}

void Reconciler::on(const Command& event) {
  if (event.verb == "images") return list_images(event);
  Reply reply;
  if (event.verb == "status") {
    reply.body = status(now_);
  } else if (event.verb == "explain") {
    const auto word = event.words.find("app");
    reply.body = explain(word == event.words.end() ? "" : word->second, now_);
    if (reply.body.has("error")) reply.status = 404;
  } else if (event.verb == "routes") {
    reply.body = routes();
  } else if (event.verb == "approve") {
    reply = approve(event);
  } else if (event.verb == "purge") {
    reply = purge(event);
  } else if (event.verb == "retry") {
    reply = retry(event);
  } else {
    reply.status = 404;
    reply.body = Json::object({{"error", "there is no verb " + event.verb}});
  }
  reply.command = event.id;
  send(std::move(reply));
}

void Reconciler::on(const Stop&) {
  stopped_ = true;
  for (const auto& [stream, provider] : streams_) send(Unsubscribe{stream});
  streams_.clear();
  answer_images(true);
  LogRecord record;
  record.verb = "stop";
  record.cause = "what is under way ends, the containers stay as they are";
  log(std::move(record));
}

// In Mode::once something that cannot get better by itself ends the wait.
bool Reconciler::finished() const {
  if (options_.mode == Mode::daemon) return stopped_;
  if (engine().tries() >= tries_max) return true;
  const bool waits =
      std::any_of(links_.begin(), links_.end(), [this](const Link& held) { return awaited(held); });
  if (waits || !catalog_.was_read() || guard_due_) return false;
  return std::all_of(apps_.begin(), apps_.end(), [this](const auto& entry) {
    const AppState& state = entry.second;
    if (undecided(state.name)) return false;
    const bool nothing = !state.wanted && !state.removing && state.to_read.empty();
    if (options_.mode == Mode::plan) return nothing || (state.planned && state.due > now_.steady);
    if (state.phase != AppState::Phase::idle || !state.in_flight.empty()) return false;
    // What was made to read its image may still have to go.
    if (nothing) return state.due > now_.steady;
    const bool well = state.report.health == HealthState::healthy ||
                      state.report.health == HealthState::suspended;
    const bool settled = state.planned && state.due > now_.steady;
    return settled && ((well && state.to_read.empty()) || hopeless(state));
  });
}

// Whether more is to be known of it soon. A plan makes nothing better: it does not wait for a
// service that is not there yet.
bool Reconciler::awaited(const Link& held) const {
  if (held.up() || held.tries() >= tries_max) return false;
  if (held.provider().stands_alone() && !held.place()) return false;
  const std::string host = held.provider().hosted_by(*platform_);
  if (held.place() || host.empty()) return true;
  const auto app = apps_.find(host);
  return options_.mode == Mode::once && app != apps_.end() && app->second.wanted &&
         !hopeless(app->second);
}

bool Reconciler::converged() const {
  if (!catalog_.was_read() || !catalog_.broken().empty() || !verdict_.waiting.empty()) return false;
  return engine().up() && std::all_of(apps_.begin(), apps_.end(), [](const auto& entry) {
           const AppState& state = entry.second;
           if (!state.to_read.empty()) return false;
           if (!state.wanted && !state.removing) return state.frozen.empty();
           const bool well = state.report.health == HealthState::healthy ||
                             state.report.health == HealthState::suspended;
           return !state.removing && well && state.report.sync == SyncState::synced;
         });
}

}  // namespace fairlead
