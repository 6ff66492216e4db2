// The part of Reconciler that gathers what a provider's decision about one app is made from: also
// what other apps add to what is kept for all of them in one piece (their sites in the edge's
// configuration), where the edge sends requests, and which apps come first.

#include "reconciler/reconciler.h"

namespace fairlead {
namespace {

// So that what many apps add at once is put in at once.
constexpr std::chrono::milliseconds gathering{10};

bool same(const SharePtr& a, const SharePtr& b) { return a && b ? a->id == b->id : a == b; }

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

}  // namespace

View Reconciler::view_of(const AppState& state, const Link& held) const {
  View view;
  view.app = state.name;
  view.wanted = state.wanted.get();
  const auto seen = state.seen.find(std::string(held.provider().name()));
  view.seen = seen == state.seen.end() ? nullptr : seen->second.get();
  view.shared = held.shared();
  view.session = held.session() ? &*held.session() : nullptr;
  view.platform = platform_.get();
  view.memory = &state.memory;
  view.claims = &claims_;
  view.now = now_;
  view.removing = state.removing;
  view.to_read = state.to_read;
  view.images = &images_;
  view.place = place_of(state);
  view.traffic = traffic_of(state);
  view.tenant = tenant_of(platform_->tenants, catalog_.source_of(state.name));
  if (held.provider().hosted_by(*platform_) == state.name) show_shares(held, view);
  for (const std::string& word : held.provider().offers()) {
    view.drop_data = view.drop_data || state.drop_data.count(word) > 0;
  }
  if (&held != &engine()) view.standing = state.standing;
  for (const Link& other : links_) {
    const std::string host = other.provider().hosted_by(*platform_);
    const auto service = apps_.find(host);
    if (host.empty() || service == apps_.end()) continue;
    const auto section = service->second.seen.find(std::string(held.provider().name()));
    if (section != service->second.seen.end()) view.services[host] = section->second.get();
  }
  if (&held == &engine() && is_service(state.name)) {
    view.guests.reserve(apps_.size());
    for (const auto& [name, other] : apps_) {
      // Of one whose image is still to be read it is not known yet.
      const bool uses = !other.wanted || other.wanted->services.count(state.name) > 0;
      if (uses) view.guests.push_back(name);
    }
  }
  if (!state.wanted) return view;
  view.waiting_for = waiting_for(*state.wanted->app);
  return view;
}

// Where what it runs can be asked, ready or not: its container, or a place on the host.
std::optional<Place> Reconciler::place_of(const AppState& service) const {
  for (const Link& held : links_) {
    if (held.provider().hosted_by(*platform_) != service.name) continue;
    const Place outside = held.provider().place(*platform_);
    if (held.provider().stands_alone() && !outside.host.empty()) return outside;
  }
  const auto seen = service.seen.find(std::string(engine().provider().name()));
  if (seen == service.seen.end() || !is_service(service.name)) return std::nullopt;
  return engine().provider().serves_at(seen->second.get());
}

// Nothing is known of an app that is not wanted and not being removed while something of it is
// left, nor as long as it is not known where its requests go: what is there stays.
void Reconciler::take_shares(AppState& state) {
  const std::optional<Traffic> traffic = traffic_of(state);
  const bool decided = state.wanted || state.removing || nothing_left(state);
  if (!decided || (traffic && !traffic->known && !traffic->lost)) return;
  for (Link& held : links_) {
    const std::string host = held.provider().hosted_by(*platform_);
    if (host.empty() || host == state.name || !held.up()) continue;
    SharePtr share = state.wanted ? held.provider().share(view_of(state, held)) : nullptr;
    const auto known = held.shares()->find(state.name);
    const bool first = known == held.shares()->end();
    if (!first && same(known->second, share)) continue;
    const bool news = !first || share;
    held.keep_share(state.name, std::move(share));
    const auto keeper = apps_.find(host);
    if (!news || keeper == apps_.end()) continue;
    AppState& keeping = keeper->second;
    if (keeping.phase == AppState::Phase::idle && keeping.due > now_.steady + gathering) {
      keeping.listed.insert(std::string(engine().provider().name()));
    }
    mark_dirty(keeping, now_.steady + gathering);
  }
}

void Reconciler::tell_concerned(const AppState& host, const Link& held, const SectionPtr& before) {
  if (held.provider().hosted_by(*platform_) != host.name) return;
  const SectionPtr& after = host.seen.at(std::string(held.provider().name()));
  auto names = held.provider().concerned(before.get(), after.get());
  // They may wait for this alone.
  if (host.asked.count(std::string(held.provider().name())) == 0) names.reset();
  for (auto& [name, told] : apps_) {
    if (name == host.name || (names && names->count(name) == 0)) continue;
    told.traffic_since = now_.steady;
    if (told.phase == AppState::Phase::idle && told.due > now_.steady) {
      told.listed.insert(std::string(engine().provider().name()));
    }
    mark_dirty(told, now_.steady);
  }
}

void Reconciler::show_shares(const Link& held, View& view) const {
  view.shares = held.shares();
  auto decided = view.shares->begin();
  for (const auto& [name, state] : apps_) {
    while (decided != view.shares->end() && decided->first < name) ++decided;
    const bool known = decided != view.shares->end() && decided->first == name;
    if (!known && name != view.app) view.undecided.insert(name);
  }
}

std::optional<Traffic> Reconciler::traffic_of(const AppState& state) const {
  for (const Link& held : links_) {
    const auto host = apps_.find(held.provider().hosted_by(*platform_));
    if (host == apps_.end() || host->first == state.name || !state.wanted) continue;
    const std::string provider(held.provider().name());
    const auto section = host->second.seen.find(provider);
    auto traffic = held.provider().traffic(
        *state.wanted, section == host->second.seen.end() ? nullptr : section->second.get());
    if (!traffic) continue;
    if (host->second.asked.count(provider) == 0) *traffic = Traffic();
    traffic->since = state.traffic_since;
    return traffic;
  }
  return std::nullopt;
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
