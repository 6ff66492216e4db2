// The part of Reconciler that keeps the providers' connections and takes full listings.

#include <utility>

#include "reconciler/reconciler.h"

namespace fairlead {

void Reconciler::wake_links() {
  for (Link& held : links_) {
    const bool was_up = held.up();
    const std::string provider(held.provider().name());
    Link::Wants wants = held.wake(now_);
    if (wants.unsubscribe) {
      for (auto it = streams_.begin(); it != streams_.end();) {
        if (it->second == provider) send(Unsubscribe{it->first});
        it = it->second == provider ? streams_.erase(it) : std::next(it);
      }
    }
    for (HttpCall& call : wants.handshake) {
      expect(send(std::move(call)), {Expected::For::handshake, provider, 0, "", 0, {}});
    }
    if (wants.subscribe) streams_[send(Subscribe{std::move(*wants.subscribe)})] = provider;
    for (std::size_t i = 0; i < wants.listing.size(); ++i) {
      const RequestId id =
          std::visit([this](auto& call) { return send(std::move(call)); }, wants.listing[i]);
      expect(id, {Expected::For::listing, provider, i, "", 0, {}});
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
  for (const auto& [name, section] : observed.apps) app(name);
  int found = 0;
  for (auto& [name, state] : apps_) {
    const auto section = observed.apps.find(name);
    const SectionPtr after = section == observed.apps.end() ? nullptr : section->second;
    const SectionPtr before = state.seen[provider];
    if (state.phase != AppState::Phase::idle) {
      // Its own pass sees more than this list; look again when it has ended.
      if (listed.first_listing()) state.due = now_.steady;
    } else if (listed.first_listing()) {
      state.seen[provider] = after;
      state.listed = true;
      mark_dirty(state, now_.steady);
    } else if (const auto changes = listed.provider().changes(before.get(), after.get());
               !changes.empty() && state.due > now_.steady) {
      found += static_cast<int>(changes.size());
      LogRecord record;
      record.app = name;
      record.verb = "resync";
      record.cause = "no event had told: " + changes.front();
      log(std::move(record));
      state.listed = false;
      mark_dirty(state, now_.steady);
    }
  }
  resync_found_ += found;
  // Claims of apps that are not in a pass are by now seen, or were never carried out.
  claims_.forget(
      [this](const std::string& holder) { return app(holder).phase == AppState::Phase::idle; });
  for (auto& [name, state] : apps_) schedule(state);
  if (!listed.first_listing()) audit(listed);
  guard_due_ = true;
}

// Lists do not show limits and restart policies; an event that was lost would hide a change of them
// for ever. So each resync looks at one object in detail, in turn.
void Reconciler::audit(Link& listed) {
  const std::string provider(listed.provider().name());
  for (std::size_t tried = 0; tried < apps_.size(); ++tried) {
    auto next = apps_.lower_bound(audited_.first);
    if (next == apps_.end()) next = apps_.begin();
    AppState& state = next->second;
    const auto objects = listed.provider().objects(state.seen[provider].get());
    const bool same = next->first == audited_.first;
    const std::size_t index = same ? audited_.second : 0;
    if (index >= objects.size()) {
      // The first name after this one.
      audited_ = {next->first + '\0', 0};
      continue;
    }
    audited_ = {next->first, index + 1};
    if (state.phase != AppState::Phase::idle || state.due <= now_.steady || !may_begin(state))
      return;
    state.hinted.insert(objects[index]);
    state.listed = true;
    mark_dirty(state, now_.steady);
    return;
  }
}

}  // namespace fairlead
