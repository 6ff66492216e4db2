// The part of Reconciler that turns manifests into wanted graphs, and their absence into removals.

#include <algorithm>
#include <utility>

#include "reconciler/check.h"
#include "reconciler/reconciler.h"

namespace fairlead {
namespace {

constexpr std::chrono::seconds save_again_after{10};
constexpr std::size_t errors_told_max = 3;

// The words of `needs` whose data goes with the manifest.
std::set<std::string> dropped_with(const App& app) {
  const bool all = app.reclaim == Reclaim::remove;
  const auto drops = [&](const std::optional<AccountNeed>& need) {
    return need && (need->reclaim ? *need->reclaim == "delete" : all);
  };
  std::set<std::string> words;
  if (all) words.insert("storage");
  if (drops(app.needs.database)) words.insert("database");
  if (drops(app.needs.messagebus)) words.insert("messagebus");
  return words;
}

// Whether the app comes after itself, by way of others.
bool after_cycle(const Catalog& catalog, const std::string& name) {
  std::set<std::string> reached;
  std::vector<std::string> open = {name};
  while (!open.empty()) {
    const auto entry = catalog.entries().find(open.back());
    open.pop_back();
    if (entry == catalog.entries().end()) continue;
    for (const std::string& before : entry->second.app->after) {
      if (before == name) return true;
      if (reached.insert(before).second) open.push_back(before);
    }
  }
  return false;
}

bool is_listed(const Catalog& catalog, const std::string& name) {
  const auto entry = catalog.entries().find(name);
  return entry != catalog.entries().end() && entry->second.listed;
}

}  // namespace

std::string told(const std::vector<Error>& errors) {
  std::string text;
  for (std::size_t i = 0; i < errors.size() && i < errors_told_max; ++i) {
    text += (i == 0 ? "" : "; ") + errors[i].text();
  }
  if (errors.size() > errors_told_max) {
    text += "; and " + std::to_string(errors.size() - errors_told_max) + " more";
  }
  return text;
}

void Reconciler::on(const ManifestsChanged& event) {
  const FolderReading& reading = *event.reading;
  const bool secrets_changed = secrets_ != reading.secrets || certificates_ != reading.certificates;
  secrets_ = reading.secrets;
  certificates_ = reading.certificates;
  folder_ = reading.folder;
  revision_ = reading.revision;
  const Catalog::Change change = catalog_.read(reading, platform_->folders.ignore, now_.wall);
  tell_reading(change);
  if (reading.state != FolderReading::State::ok && told_.broken.insert(catalog_.hold()).second) {
    LogRecord record;
    record.level = LogRecord::Level::warning;
    record.verb = "hold";
    record.cause = catalog_.hold() + "; all apps stay as they are";
    log(std::move(record));
  }
  // Before what is read now is kept: whoever had a host has it, wherever this is cut short.
  std::set<std::string> changed = change.changed;
  changed.merge(share_out());
  for (const auto* news : {&change.saved, &change.absent}) {
    for (const std::string& name : *news) save(name);
  }
  const bool services_changed = std::any_of(change.changed.begin(), change.changed.end(),
                                            [this](const auto& name) { return is_service(name); });
  const bool first = !std::exchange(wanted_once_, true);
  if (first) forget_strays();
  schemes_.keep(catalog_.entries());
  if (first || secrets_changed || services_changed) {
    want_all();
  } else {
    want(changed);
  }
  if (schemes_.changed()) keep(schemes_folder, schemes_file, schemes_.encode());
  // What failed under another manifest deserves a new try.
  for (const std::string& name : change.saved) {
    app(name).memory.counters[manifest_changed] = {1, now_.steady};
    app(name).memory.trials.forgive();
    if (local_.forgive(name)) look_at_tags({{image_of(*catalog_.entries().at(name).app), ""}});
    keep_trials(app(name));
  }
  dependents_.clear();
  for (const auto& [name, entry] : catalog_.entries()) {
    for (const std::string& before : entry.app->after) dependents_[before].insert(name);
  }
  guard_due_ = true;
}

void Reconciler::tell_reading(const Catalog::Change& change) {
  std::set<std::string> told_now;
  for (const auto& [path, errors] : catalog_.broken()) {
    for (const Error& error : errors) {
      const std::string text = error.text();
      told_now.insert(text);
      if (told_.broken.count(text) > 0) continue;
      LogRecord record;
      record.level = LogRecord::Level::error;
      record.verb = "invalid";
      record.resource = path;
      record.cause = text;
      log(std::move(record));
    }
  }
  told_.broken = std::move(told_now);
  for (const auto& [path, why] : catalog_.ignored()) {
    if (!told_.ignored.insert(path + ": " + why).second) continue;
    LogRecord record;
    record.verb = "ignored";
    record.resource = path;
    record.cause = why;
    log(std::move(record));
  }
  if (change.changed.empty()) return;
  LogRecord record;
  record.verb = "manifests";
  record.resource = folder_ + (revision_.empty() ? "" : " at " + revision_.substr(0, 12));
  record.cause = std::to_string(change.changed.size()) + " changed of " +
                 std::to_string(catalog_.entries().size());
  log(std::move(record));
}

void Reconciler::want_all() {
  std::set<std::string> names;
  for (const auto& [name, entry] : catalog_.entries()) names.insert(name);
  want(names);
  want_keepers();
}

bool Reconciler::kept_outside(const std::string& name) const {
  return std::any_of(links_.begin(), links_.end(), [&](const Link& held) {
    return held.provider().stands_alone() && held.provider().hosted_by(*platform_) == name &&
           !held.provider().place(*platform_).host.empty();
  });
}

// What is kept for all apps is looked after in the pass of the app that runs its system. Where it
// runs outside there is no such app, but the pass there is.
void Reconciler::want_keepers() {
  for (const Link& held : links_) {
    const std::string host = held.provider().hosted_by(*platform_);
    if (host.empty() || !kept_outside(host) || app(host).removing) continue;
    // A manifest says an image; nothing is made of this one.
    const std::string text = "name: " + host + "\nimage: " + host + "\n";
    const ParsedManifest manifest = parse_manifest("platform file", text);
    FAIRLEAD_CHECK(manifest.apps.size() == 1 && manifest.apps.front().app);
    auto graph = std::make_shared<Graph>();
    graph->app = std::make_shared<const App>(*manifest.apps.front().app);
    ResolveInput input{graph->app.get(), &*platform_, &secrets_, &certificates_, {}, true};
    FAIRLEAD_CHECK(held.provider().resolve(input, *graph).ok());
    for (Resource& resource : graph->resources) resource.provider = held.provider().name();
    app(host).wanted = std::move(graph);
    mark_dirty(app(host), now_.steady);
  }
}

void Reconciler::want(const std::set<std::string>& names) {
  for (const std::string& name : names) {
    const auto entry = catalog_.entries().find(name);
    if (entry == catalog_.entries().end()) continue;
    AppState& state = app(name);
    set_wanted(state, entry->second);
    mark_dirty(state, now_.steady);
  }
}

// Whatever has wanted computed anew (a reload, a secret, a certificate, a host name, an image): a
// removal that has begun goes on. Only guard_removals() ends one, when the manifest is back.
void Reconciler::set_wanted(AppState& state, const Catalog::Entry& entry) {
  if (state.removing) return;
  state.frozen.clear();
  const Suspect suspect{state.name, state.version = version_of(entry.text)};
  state.left_out = quarantine_.holds(suspect);
  if (state.left_out) return leave_out(state, quarantine_.deaths(suspect));
  const Blame blame(suspect);
  if (kept_outside(state.name)) {
    state.frozen = "the platform file says that this runs outside; remove the manifest";
    return;
  }
  if (!entry.errors.empty()) {
    state.frozen = told(entry.errors) + "; the last good version stays in force";
  } else if (!entry.doubles.empty()) {
    state.doubled = entry.source + " owns this name; " + entry.doubles.front() +
                    " claims it too and is ignored: give it another name";
  }
  if (entry.doubles.empty()) state.doubled.clear();
  want_image(entry);
  if (undecided(state.name)) return state.to_read.clear();
  const Result<std::shared_ptr<const App>> whole = whole_app(state, entry);
  if (!whole) {
    state.frozen = whole.error().text() + "; what runs is left as it is";
    if (local_.failed(state.name, whole.error().text())) return set_wanted(state, entry);
    return follow(updates_.failed(state.name, image_of(*entry.app), whole.error().text()));
  }
  if (*whole) resolve_anew(state, *whole);
}

// What runs of it runs on, and goes with the manifest.
void Reconciler::leave_out(AppState& state, int deaths) {
  state.frozen =
      "fairlead ended itself " + std::to_string(deaths) +
      " times while it worked for this app, so the app is left out and what runs is left "
      "as it is; another version of its manifest, or `fairlead retry " +
      state.name + "`, is another try";
  state.due = never;
  schedule(state);
  state.planned = true;
  Report report;
  report.worsen(HealthState::degraded, "LeftOut", state.frozen);
  report.out_of_sync("LeftOut", state.frozen);
  describe(state, std::move(report));
}

// An app that is about to be removed keeps what it was until the guard has decided.
void Reconciler::resolve_anew(AppState& state, const std::shared_ptr<const App>& whole) {
  const auto resolved = [&] {
    return resolve(providers_, whole,
                   {*platform_, secrets_, certificates_, owners_.hosts.lost(state.name),
                    [this](const std::string& name) {
                      return catalog_.entries().count(name) > 0 || kept_outside(name);
                    },
                    schemes_.of(state.name), &served_.of(state.name), local_.id(state.name),
                    local_.says_id(state.name), &owners_.ports.lost(state.name)});
  };
  Result<std::shared_ptr<const Graph>> graph = resolved();
  if (graph && schemes_.settle(state.name, (*graph)->scheme_by_file)) graph = resolved();
  if (schemes_.changed()) keep(schemes_folder, schemes_file, schemes_.encode());
  if (!graph) {
    state.frozen = graph.error().text() + "; what runs is left as it is";
    return;
  }
  served_.set(state.name, (*graph)->served);
  std::string text = whole->document->value.canonical();
  const bool same =
      state.wanted && state.text == text && state.wanted->revision == (*graph)->revision;
  state.wanted = *graph;
  state.text = std::move(text);
  if (same) return;
  const auto changed = state.memory.counters.extract(manifest_changed);
  state.retries.clear();
  state.memory.counters.clear();
  state.memory.troubles.clear();
  state.memory.notes.clear();
  if (changed) state.memory.counters[manifest_changed] = changed.mapped();
  state.repeats = 0;
}

void Reconciler::save(const std::string& name) {
  const auto entry = catalog_.entries().find(name);
  keep("manifests", name, entry == catalog_.entries().end() ? "" : encode_last_good(entry->second));
}

// An empty text is as no file.
void Reconciler::keep(const std::string& folder, const std::string& name, const std::string& text) {
  if (options_.mode == Mode::plan) return;
  FileCall call;
  if (text.empty()) call.act = FileCall::Act::remove;
  call.path = folder + "/" + name + ".json";
  call.content = Secret(text);
  expect(send(std::move(call)), {Expected::For::save, name, 0, folder, 0, {}});
}

void Reconciler::take_save(const Expected& expected, const Answer& answer) {
  if (answer.ok() || answer.status == 404) {
    unsaved_.files.erase({expected.key, expected.owner});
    if (unsaved_.files.empty()) unsaved_.why.clear();
    return;
  }
  unsaved_.files.insert({expected.key, expected.owner});
  unsaved_.due = now_.steady + save_again_after;
  if (!unsaved_.why.empty()) return;
  unsaved_.why = "the last good copies of manifests cannot be kept in " + platform_->folders.state +
                 ": " + answer.error + "; free some space or make the folder writable";
  LogRecord record;
  record.level = LogRecord::Level::error;
  record.verb = "save";
  record.cause = unsaved_.why;
  log(std::move(record));
}

void Reconciler::save_again() {
  unsaved_.due = never;
  for (const auto& [folder, name] : unsaved_.files) {
    if (folder == updates_folder) {
      keep(folder, name, updates_.encode(name));
    } else if (folder == images_folder) {
      keep(folder, name, images_.encode(name));
    } else if (folder == hosts_folder) {
      keep(folder, name, owners_.encode(name));
    } else if (folder == schemes_folder) {
      keep(folder, name, schemes_.encode());
    } else if (folder == served_folder) {
      keep(folder, name, served_.encode(name));
    } else if (folder == local_folder) {
      keep(folder, name, local_.encode(name));
    } else if (folder == deaths_folder) {
      keep(folder, name, "");
    } else if (folder == trials_folder) {
      keep(folder, name, app(name).memory.trials.encode());
    } else {
      save(name);
    }
  }
}

std::set<std::string> Reconciler::removal_candidates() const {
  std::set<std::string> candidates;
  for (const std::string& name : catalog_.absent()) candidates.insert(name);
  for (const auto& [name, state] : apps_) {
    // Seen with our mark, and no manifest ever heard of: the state folder was lost, or the removal
    // was cut short.
    if (catalog_.entries().count(name) == 0 && !nothing_left(state)) candidates.insert(name);
    // A removal that has begun is decided: neither fuse nor hold leaves it half done.
    if (state.removing) candidates.erase(name);
  }
  return candidates;
}

bool Reconciler::nothing_left(const AppState& state) const {
  return std::all_of(links_.begin(), links_.end(), [&](const Link& held) {
    const auto seen = state.seen.find(std::string(held.provider().name()));
    return seen == state.seen.end() || !held.provider().anything(seen->second.get());
  });
}

void Reconciler::guard_removals() {
  const bool ready = catalog_.was_read() && (engine().first_listing() || engine().up());
  if (!ready) {
    // Decided anew with the next listing; a grace that ends meanwhile wakes nobody.
    verdict_.due.reset();
    guard_due_ = true;
    return;
  }
  guard_due_ = false;
  PruneGuard::Input input;
  input.candidates = removal_candidates();
  for (const auto& [name, entry] : catalog_.entries()) {
    if (entry.absent_since) input.absent_for[name] = now_.wall - *entry.absent_since;
  }
  input.wanted = catalog_.entries().size() - catalog_.absent().size();
  input.hold = catalog_.hold();
  for (const std::string& name : input.candidates) {
    if (std::string why = catalog_.held(name); !why.empty()) input.held[name] = std::move(why);
  }
  input.empty_reading = catalog_.empty_reading();
  input.limits = platform_->prune;
  // Read once, a folder has no later moment at which to be asked again.
  if (options_.mode != Mode::daemon) input.limits.grace = std::chrono::milliseconds(0);
  input.now = now_.steady;
  verdict_ = guard_.decide(input);
  if (options_.approve_removals && verdict_.approvable) {
    guard_.approve(verdict_, verdict_.token);
    verdict_ = guard_.decide(input);
  }
  if (verdict_.why() != told_.hold) {
    told_.hold = verdict_.why();
    LogRecord record;
    record.level = verdict_.due ? LogRecord::Level::info : LogRecord::Level::warning;
    record.verb = "hold";
    record.cause = verdict_.why() +
                   (verdict_.approvable ? "; to go on: fairlead approve " + verdict_.token : "");
    if (!verdict_.waiting.empty() || !verdict_.held.empty()) log(std::move(record));
  }
  for (const std::string& name : verdict_.remove) {
    begin_removal(app(name));
  }
  for (auto& [name, state] : apps_) {
    if (!state.removing || state.purging || !is_listed(catalog_, name)) continue;
    guard_.returned(name);
    state.removing = false;
    state.drop_data.clear();
    state.removing_at.clear();
    want({name});
  }
}

void Reconciler::begin_removal(AppState& state) {
  guard_.begun(state.name, now_.steady);
  const auto entry = catalog_.entries().find(state.name);
  if (entry != catalog_.entries().end()) {
    // What its image needs goes like what it needs itself.
    state.drop_data = dropped_with(state.wanted ? *state.wanted->app : *entry->second.app);
  }
  state.removing = true;
  state.frozen.clear();
  state.doubled.clear();
  state.to_read.clear();
  for (const Link& held : links_) {
    if (involved(state, held)) state.removing_at.insert(std::string(held.provider().name()));
  }
  state.wanted.reset();
  mark_dirty(state, now_.steady);
}

void Reconciler::finish_removal(AppState& state) {
  const std::string name = state.name;
  // While its data was purged its manifest came back: it begins anew.
  const bool back = is_listed(catalog_, name);
  if (!back) catalog_.forget(name);
  state.removing = false;
  state.drop_data.clear();
  state.removing_at.clear();
  state.purging = false;
  state.text.clear();
  state.due = never;
  schedule(state);
  forget_choice(name);
  state.memory.trials = Trials();
  keep_trials(state);
  if (quarantine_.release(name)) keep(deaths_folder, name, "");
  save(name);
  LogRecord record;
  record.app = name;
  record.verb = "removed";
  const std::vector<std::string> data = data_of(state);
  record.cause = data.empty() ? "the manifest is gone"
                              : "its data stays: " + data.front() + "; fairlead purge " + name;
  log(std::move(record));
  guard_due_ = true;
  // Its host names and ports are free now.
  want(share_out());
  want_keepers();
  tell_removal(state);
  if (back) {
    want({name});
  } else if (data.empty()) {
    forgotten_.insert(name);
  }
}

std::vector<std::string> Reconciler::data_of(const AppState& state) const {
  std::vector<std::string> all;
  for (const Link& held : links_) {
    const auto seen = state.seen.find(std::string(held.provider().name()));
    if (seen == state.seen.end()) continue;
    for (std::string& name : held.provider().data(seen->second.get()))
      all.push_back(std::move(name));
  }
  return all;
}

std::string Reconciler::waiting_for(const App& manifest) const {
  for (const std::string& before : manifest.after) {
    const auto found = apps_.find(before);
    if (found == apps_.end() || catalog_.entries().count(before) == 0) {
      return "waits for the app " + before + ", which has no manifest";
    }
    if (after_cycle(catalog_, manifest.name))
      return "after: " + manifest.name + " comes after itself";
    const Report& report = found->second.report;
    if (report.health != HealthState::healthy) {
      return "waits for the app " + before + ", which is " + health_name(report.health);
    }
  }
  return "";
}

void Reconciler::wake_dependents(const std::string& name) {
  const auto found = dependents_.find(name);
  if (found == dependents_.end()) return;
  for (const std::string& dependent : found->second) {
    const auto state = apps_.find(dependent);
    if (state != apps_.end()) mark_dirty(state->second, now_.steady);
  }
}

}  // namespace fairlead
