// The part of Reconciler that keeps the providers' connections and takes full listings.

#include <algorithm>
#include <utility>

#include "reconciler/reconciler.h"

namespace fairlead {
namespace {

// Whether something that was seen before is not in what was seen now.
bool lacks(const Provider& provider, const Section* before, const Section* after) {
  const auto objects = provider.objects(after);
  const std::set<std::string> now(objects.begin(), objects.end());
  const auto held = provider.objects(before);
  return std::any_of(held.begin(), held.end(),
                     [&](const std::string& object) { return now.count(object) == 0; });
}

}  // namespace

bool Reconciler::is_service(const std::string& name) const {
  return std::any_of(links_.begin(), links_.end(), [&](const Link& held) {
    return held.provider().hosted_by(*platform_) == name;
  });
}

// Whether the link's system has to do with the app: it is wanted there, or was until its removal,
// or was seen there.
bool Reconciler::involved(const AppState& state, const Link& held) const {
  if (&held == &engine()) return true;
  const std::string provider(held.provider().name());
  const auto seen = state.seen.find(provider);
  if (seen != state.seen.end() && seen->second) return true;
  if (state.removing_at.count(provider) > 0) return true;
  return state.wanted &&
         std::any_of(state.wanted->resources.begin(), state.wanted->resources.end(),
                     [&](const Resource& resource) { return resource.provider == provider; });
}

// What lies in a service that has no manifest is looked after when it has one again.
bool Reconciler::nobody_runs(const Link& held) const {
  const std::string host = held.provider().hosted_by(*platform_);
  return !host.empty() && catalog_.entries().count(host) == 0 && !kept_outside(host);
}

// With the service goes what was seen there, and what waited for one of the two can go on.
void Reconciler::tell_removal(const AppState& gone) {
  for (const Link& held : links_) {
    if (held.provider().hosted_by(*platform_) != gone.name) continue;
    for (auto& [name, state] : apps_) state.seen.erase(std::string(held.provider().name()));
  }
  for (auto& [name, state] : apps_) {
    if (state.removing) mark_dirty(state, now_.steady);
  }
}

// An app that is being removed and still has something at this service; empty: none.
std::string Reconciler::guest_that_goes(const AppState& service) const {
  for (const Link& held : links_) {
    if (!held.up() || held.provider().hosted_by(*platform_) != service.name) continue;
    for (const auto& [name, state] : apps_) {
      if (state.removing && name != service.name && involved(state, held)) return name;
    }
  }
  return "";
}

// A service that an app runs is where that app serves, as long as it is Healthy.
void Reconciler::place_links() {
  for (Link& held : links_) {
    const bool was_up = held.up();
    const std::string host = held.provider().hosted_by(*platform_);
    const bool alone = held.provider().stands_alone();
    if (alone && (host.empty() || nobody_runs(held))) {
      held.set_place(std::nullopt, "there is none", now_);
    } else if (host.empty() || alone) {
      held.set_place(held.provider().place(*platform_), "", now_);
    } else {
      const auto found = apps_.find(host);
      const bool known = found != apps_.end() && (found->second.wanted || found->second.removing);
      held.set_place(known ? found->second.serves_at : std::nullopt,
                     known ? "waits for the app " + host + ", which is " +
                                 health_name(found->second.report.health)
                           : "there is no app " + host,
                     now_);
    }
    if (was_up && !held.up()) connection_lost(held);
  }
}

// Where a service moved, the apps that use it have it attached anew.
void Reconciler::tell_guests(AppState& service) {
  if (!is_service(service.name)) return;
  // It serves to its end those that go before it.
  if (service.removing && !guest_that_goes(service).empty()) return;
  std::optional<Place> place;
  if (service.report.health == HealthState::healthy) place = place_of(service);
  if (place == service.serves_at) return;
  service.serves_at = place;
  for (auto& [name, state] : apps_) {
    if (state.wanted && state.wanted->services.count(service.name) > 0) {
      mark_dirty(state, now_.steady);
    }
  }
}

void Reconciler::wake_links() {
  for (Link& held : links_) {
    const bool was_up = held.up();
    const std::string provider(held.provider().name());
    Link::Wants wants = held.wake(*platform_, now_);
    if (wants.unsubscribe) {
      for (auto it = streams_.begin(); it != streams_.end();) {
        if (it->second == provider) send(Unsubscribe{it->first});
        it = it->second == provider ? streams_.erase(it) : std::next(it);
      }
    }
    if (wants.handshake) {
      expect(ask(std::move(*wants.handshake)),
             {Expected::For::handshake, provider, 0, "", held.generation(), {}});
    }
    if (wants.subscribe) streams_[send(Subscribe{std::move(*wants.subscribe)})] = provider;
    for (std::size_t i = 0; i < wants.listing.size(); ++i) {
      expect(ask(std::move(wants.listing[i])),
             {Expected::For::listing, provider, i, "", held.generation(), {}});
    }
    if (was_up && !held.up()) connection_lost(held);
  }
}

void Reconciler::connection_lost(Link& lost) {
  LogRecord record;
  record.level = LogRecord::Level::warning;
  record.verb = "disconnected";
  record.resource = std::string(lost.provider().name());
  record.cause = lost.error() + "; containers run on, fairlead tries again";
  if (&lost != &engine()) {
    for (auto& [name, state] : apps_) {
      if (involved(state, lost) || state.removing) mark_dirty(state, now_.steady);
    }
  }
  log(std::move(record));
}

void Reconciler::take_listing(Link& listed, Observer::Observed observed) {
  const std::string provider(listed.provider().name());
  if (listed.first_listing()) {
    LogRecord record;
    record.verb = "connected";
    record.resource = listed.session()->description;
    log(std::move(record));
  }
  for (const auto& [name, section] : observed.apps) {
    // What is foreign makes no app.
    const Provider& knows = listed.provider();
    if (knows.anything(section.get()) || !knows.data(section.get()).empty()) app(name);
  }
  for (Link& held : links_) {
    if (listed.first_listing() && &listed == &engine()) held.forget_shares();
  }
  int found = 0;
  for (auto& [name, state] : apps_) {
    const auto section = observed.apps.find(name);
    const SectionPtr after = section == observed.apps.end() ? nullptr : section->second;
    const SectionPtr before = state.seen[provider];
    // What was decided from answers before that may be old.
    if (listed.first_listing() && &listed == &engine()) state.asked.clear();
    if (state.phase != AppState::Phase::idle) {
      // Its own pass sees more than this list; look again when it has ended.
      if (listed.first_listing()) state.due = now_.steady;
      // But not where it began before the service could be asked.
      const bool asked = state.observers.count(provider) > 0 || &listed == &engine();
      if (listed.first_listing() && !asked) state.seen[provider] = after;
      // And an audit relies on what was listed before.
      if (&listed != &engine() && !listed.provider().changes(before.get(), after.get()).empty()) {
        state.due = now_.steady;
      }
    } else if (listed.first_listing()) {
      // What was there before and is not in the list: the app's own pass asks for it.
      if (!lacks(listed.provider(), before.get(), after.get())) {
        state.seen[provider] = after;
        state.listed.insert(provider);
      }
      mark_dirty(state, now_.steady);
    } else if (const auto changes = listed.provider().changes(before.get(), after.get());
               !changes.empty() && state.due > now_.steady) {
      found += static_cast<int>(changes.size());
      LogRecord record;
      record.app = name;
      record.verb = "resync";
      record.cause = "no event had told: " + changes.front();
      log(std::move(record));
      state.listed.clear();
      // What of a service's is to be looked at is known from its lists only.
      const bool list_only = &listed != &engine() && !listed.provider().stands_alone();
      if (list_only) state.seen[provider] = after;
      mark_dirty(state, now_.steady);
    }
  }
  resync_found_ += found;
  // Claims of apps that are not in a pass are by now seen, or were never carried out.
  const auto idle = [this](const std::string& holder) {
    return app(holder).phase == AppState::Phase::idle;
  };
  if (&listed == &engine()) claims_.forget(idle);
  for (auto& [name, state] : apps_) schedule(state);
  look_at_tags(listed.provider().image_ids(listed.shared()));
  if (!listed.first_listing()) audit(listed);
  guard_due_ = true;
}

// Lists do not show limits and restart policies; an event that was lost would hide a change of them
// for ever. So each resync looks at one object in detail, in turn.
void Reconciler::audit(Link& listed) {
  const std::string provider(listed.provider().name());
  auto& [name, object] = audited_[provider];
  for (std::size_t tried = 0; tried < apps_.size(); ++tried) {
    auto next = apps_.lower_bound(name);
    if (next == apps_.end()) next = apps_.begin();
    AppState& state = next->second;
    const auto objects = listed.provider().objects(state.seen[provider].get());
    const std::size_t index = next->first == name ? object : 0;
    if (index >= objects.size()) {
      // The first name after this one.
      name = next->first + '\0';
      object = 0;
      continue;
    }
    name = next->first;
    object = index + 1;
    if (state.phase != AppState::Phase::idle || state.due <= now_.steady || !may_begin(state))
      return;
    state.hinted.insert(objects[index]);
    // The apps that use a service attach and detach it: what was seen of it before may be old.
    if (!is_service(state.name)) state.listed.insert(provider);
    // What a service says of an app at rest was listed within a resync, and shows no more one by
    // one.
    for (const Link& held : links_) {
      if (&held == &listed || state.report.sync != SyncState::synced) continue;
      state.listed.insert(std::string(held.provider().name()));
    }
    mark_dirty(state, now_.steady);
    return;
  }
}

}  // namespace fairlead
