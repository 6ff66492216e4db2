// The part of Reconciler that answers people and programs: status, explain, approve, purge.

#include <algorithm>
#include <ctime>
#include <tuple>
#include <utility>

#include "reconciler/grammar.h"
#include "reconciler/image_manifest.h"
#include "reconciler/next_steps.h"
#include "reconciler/reconciler.h"
#include "reconciler/units.h"
#include "reconciler/warnings.h"

namespace fairlead {
namespace {

// "2026-11-21T23:15:03Z"; null for never.
Json time_text(Duration wall) {
  if (wall.count() == 0) return {};
  const std::time_t whole = std::chrono::duration_cast<std::chrono::seconds>(wall).count();
  std::tm parts{};
  gmtime_r(&whole, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return Json(text);
}

Json resources_json(const Report& report) {
  Json resources = Json::array();
  for (const ResourceState& held : report.resources) {
    resources.push(Json::object(
        {{"kind", held.kind}, {"name", held.name}, {"state", held.state}, {"cause", held.cause}}));
  }
  return resources;
}

// Which field came from where: the folder's manifest, or the one in the image.
Json origins_json(const Document& document) {
  Json all = Json::array();
  for (const Origin& origin : origins(document)) {
    all.push(Json::object({{"field", origin.field}, {"where", origin.where}}));
  }
  return all;
}

Json limits_json(const Graph& wanted) {
  Json all = Json::array();
  for (const Setting& limit : wanted.limits) {
    all.push(Json::object({{"process", limit.process},
                           {"name", limit.name},
                           {"value", limit.value},
                           {"origin", limit.origin}}));
  }
  return all;
}

Json route_json(const RouteState& route) {
  return Json::object({{"host", route.host},
                       {"path", route.path},
                       {"proto", route.proto},
                       {"upstreams", Json(route.upstreams)},
                       {"certificate", route.certificate},
                       {"expires", time_text(route.expires)},
                       {"state", route.state},
                       {"cause", route.cause}});
}

Json claims_json(const Catalog& catalog) {
  Json all = Json::array();
  for (const auto& [name, claim] : catalog.claims()) {
    all.push(Json::object({{"app", name},
                           {"source", claim.source},
                           {"token", claim.token},
                           {"message", claim.text}}));
  }
  return all;
}

// What a token would give to whom.
struct Gift {
  std::string app;
  std::string from_mark;
  std::string owner;
};

// Names that are claimed, and things that were made under a name for somebody else.
std::vector<Gift> gifts_of(const Catalog& catalog, const std::map<std::string, AppState>& apps,
                           const std::string& token) {
  std::vector<Gift> gifts;
  for (const auto& [name, claim] : catalog.claims()) {
    if (claim.token.empty() || claim.token != token) continue;
    gifts.push_back({name, owner_mark(catalog.names().of(name).owner), claim.owner});
  }
  for (const auto& [name, state] : apps) {
    const std::string& mark = state.report.owned_by;
    const std::string& owner = catalog.names().of(name).owner;
    if (!mark.empty() && claim_token(name, mark, owner) == token) {
      gifts.push_back({name, mark, owner});
    }
  }
  return gifts;
}

// The app that has the host name, or else claims it.
std::string app_of_host(const std::map<std::string, AppState>& apps, const std::string& host) {
  std::string claims;  // without having it
  for (const auto& [name, state] : apps) {
    for (const RouteState& route : state.report.routes) {
      if (route.host != host) continue;
      if (route.state != "not served") return name;
      claims = name;
    }
  }
  return claims;
}

Json removals_json(const PruneGuard::Verdict& verdict) {
  Json removals = Json::object();
  std::set<std::string> waiting = verdict.waiting;
  for (const auto& [app, why] : verdict.held) waiting.insert(app);
  removals.set("waiting", Json(std::vector<std::string>(waiting.begin(), waiting.end())));
  removals.set("reason", verdict.why());
  removals.set("token", verdict.approvable ? verdict.token : "");
  return removals;
}

}  // namespace

Json Reconciler::app_status(const AppState& state) const {
  const Report& report = state.report;
  const bool reachable = engine().up();
  const bool known = reachable && state.planned;
  Json status = Json::object();
  status.set("name", state.name);
  status.set("sync", sync_name(known ? report.sync : SyncState::unknown));
  status.set("health", health_name(known ? report.health : HealthState::unknown));
  status.set("reason", reachable ? report.reason : "EngineUnreachable");
  status.set("message", reachable ? report.message : engine().error());
  if (known && report.message.empty() && !state.plan.empty()) {
    const Step& next = state.plan.steps().front();
    status.set("message", next.verb + " " + next.resource + ": " + next.cause);
  }
  const Json update = updates_.summary(state.name);
  if (known && status["message"].empty()) status.set("message", update["error"].as_string());
  if (!update.is_null()) status.set("update", update);
  const auto& warnings = report.warnings;
  if (known && status["message"].empty() && !warnings.empty()) {
    status.set("message", "warning: " + warnings.front());
  }
  status.set("warnings", Json(warnings));
  status.set("since", time_text(state.since));
  status.set("observed", time_text(state.observed));
  status.set("revision", Json::object({{"wanted", report.wanted}, {"running", report.running}}));
  status.set("source", state.wanted ? state.wanted->app->where("") : "");
  status.set("resources", resources_json(report));
  return status;
}

// The shared services that are there, or that an app waits for.
Json Reconciler::services() const {
  Json services = Json::array();
  for (const Link& held : links_) {
    if (&held == &engine()) continue;
    const std::string host = held.provider().hosted_by(*platform_);
    if (nobody_runs(held) || (held.provider().stands_alone() && !held.place())) continue;
    services.push(Json::object({{"name", std::string(held.provider().name())},
                                {"app", host},
                                {"connected", held.up()},
                                {"description", held.session() ? held.session()->description : ""},
                                {"error", held.error()}}));
  }
  return services;
}

// All ways from outside, by host and path.
Json Reconciler::routes() const {
  std::map<std::tuple<std::string, std::string, bool, std::string>, Json> sorted;
  for (const auto& [name, state] : apps_) {
    for (const RouteState& route : state.report.routes) {
      Json shown = route_json(route);
      shown.set("app", name);
      shown.set("source", state.wanted ? state.wanted->app->where("") : "");
      // A host that was lost stands behind that of its owner.
      sorted[{route.host, route.path, route.state == "not served", name}] = shown;
    }
  }
  Json all = Json::array();
  for (auto& [key, route] : sorted) all.push(std::move(route));
  return Json::object({{"routes", all}});
}

Json Reconciler::status(Instant now) const {
  Json apps = Json::array();
  Json orphans = Json::array();
  Json conflicts = Json::array();
  std::set<std::string> shown;
  for (const auto& [name, state] : apps_) {
    if (state.wanted || state.removing || catalog_.entries().count(name) > 0) {
      apps.push(app_status(state));
      shown.insert(name);
    } else if (!state.purging) {
      for (const std::string& data : data_of(state)) {
        orphans.push(
            Json::object({{"app", name}, {"resource", data}, {"purge", "fairlead purge " + name}}));
      }
    }
    for (const Conflict& conflict : state.report.conflicts) {
      conflicts.push(Json::object(
          {{"app", name}, {"resource", conflict.resource}, {"message", conflict.message}}));
    }
  }
  Json broken = Json::array();
  for (const auto& [path, errors] : catalog_.broken()) {
    Json texts = Json::array();
    for (const Error& error : errors) texts.push(error.text());
    broken.push(Json::object({{"file", path}, {"errors", texts}}));
  }
  Json budget = Json::array();
  for (const BudgetWarning& warning : budget_of(apps_, *platform_, engine().session())) {
    budget.push(warning.text);
  }
  return Json::object(
      {{"apps", apps},
       {"budget", budget},
       {"orphans", orphans},
       {"conflicts", conflicts},
       {"removals", removals_json(verdict_)},
       {"claims", claims_json(catalog_)},
       {"manifests", Json::object({{"folder", reading_ ? reading_->folder : ""},
                                   {"revision", reading_ ? reading_->revision : ""},
                                   {"hold", catalog_.hold()},
                                   {"broken", broken}})},
       {"engine",
        Json::object({{"connected", engine().up()},
                      {"description", engine().session() ? engine().session()->description : ""},
                      {"error", engine().error()},
                      {"reconnects", engine().reconnects()},
                      {"events_lost", engine().events_lost()},
                      {"resync_found", resync_found_}})},
       {"services", services()},
       {"trouble", unsaved_.why},
       {"at", time_text(now.wall)}});
}

// A host name stands for the app that has it.
Json Reconciler::explain(const std::string& word, Instant) const {
  const std::string name = apps_.count(word) > 0 ? word : app_of_host(apps_, ascii_host(word));
  const auto found = apps_.find(name);
  if (found == apps_.end()) {
    const std::string what = word.find('.') == word.npos ? "app " : "app or route ";
    return Json::object({{"error", "there is no " + what + word +
                                       "; `fairlead status` and `fairlead routes` list those "
                                       "there are"}});
  }
  const AppState& state = found->second;
  Json out = app_status(state);
  out.set("plan", state.plan.text());
  Json ways = Json::array();
  for (const RouteState& route : state.report.routes) ways.push(route_json(route));
  out.set("routes", ways);
  Json retries = Json::array();
  for (const auto& [key, retry] : state.retries) {
    retries.push(
        Json::object({{"step", key}, {"failures", retry.failures}, {"error", retry.error}}));
  }
  out.set("retries", retries);
  Json history = Json::array();
  for (const HistoryEntry& entry : state.history) {
    history.push(Json::object({{"at", time_text(entry.wall)}, {"text", entry.text}}));
  }
  out.set("history", history);
  if (state.wanted) {
    out.set("manifest", state.wanted->app->document->value);
    out.set("origins", origins_json(*state.wanted->app->document));
    out.set("limits", limits_json(*state.wanted));
  }
  const std::string waits = state.wanted ? waiting_for(*state.wanted->app) : "";
  out.set("waits", waits);
  out.set("why", why_nothing(state, waits));
  return out;
}

// One sentence on what happens next, and why nothing else does.
std::string Reconciler::why_nothing(const AppState& state, const std::string& waits) const {
  if (!engine().up()) {
    return "nothing is done while the engine cannot be reached: " + engine().error();
  }
  const auto held = verdict_.held.find(state.name);
  if (held != verdict_.held.end()) return "its manifest is gone; " + held->second;
  if (verdict_.waiting.count(state.name) > 0) return "its manifest is gone; " + verdict_.reason;
  if (!state.frozen.empty()) return state.frozen;
  if (!waits.empty()) return waits;
  if (!state.retries.empty())
    return "a step failed and is tried again with growing pauses: " +
           state.retries.begin()->second.error;
  std::string text;
  if (!state.plan.empty()) {
    const Step& next = state.plan.steps().front();
    text =
        "next: " + next.verb + " " + next.resource + (next.cause.empty() ? "" : ": " + next.cause);
  }
  const auto& sentences = next_steps();
  const auto found = sentences.find(state.report.reason);
  if (found != sentences.end()) text += (text.empty() ? "" : "; ") + std::string(found->second);
  if (!text.empty()) return text;
  return "what is seen is what the manifest says; nothing needs to be done";
}

Reply Reconciler::approve(const Command& command) {
  Reply reply;
  const auto word = command.words.find("token");
  const std::string token = word == command.words.end() ? "" : word->second;
  const std::vector<Gift> gifts = gifts_of(catalog_, apps_, token);
  if (gifts.size() == 1) {
    const Gift& gift = gifts.front();
    catalog_.names().give(gift.app, gift.from_mark, gift.owner);
    on(ManifestsChanged{reading_});
    want({gift.app});
    reply.body = Json::object({{"approved", Json(std::vector<std::string>{gift.app})}});
    return reply;
  }
  const auto approved = guard_.approve(verdict_, token);
  reply.body = Json::object(
      {{"approved", Json(std::vector<std::string>(approved.begin(), approved.end()))}});
  if (approved.empty()) {
    reply.status = 409;
    reply.body.set("error", !verdict_.approvable
                                ? "nothing waits for an approval" +
                                      (verdict_.reason.empty() ? "" : ": " + verdict_.reason)
                                : "what waits has changed since; look at `fairlead status` again");
  }
  guard_due_ = true;
  return reply;
}

Reply Reconciler::purge(const Command& command) {
  Reply reply;
  const auto word = command.words.find("app");
  const std::string name = word == command.words.end() ? "" : word->second;
  const auto found = apps_.find(name);
  const bool wanted = catalog_.entries().count(name) > 0;
  if (wanted || found == apps_.end() || data_of(found->second).empty()) {
    reply.status = 409;
    reply.body = Json::object(
        {{"error", wanted ? name + " has a manifest, or its removal is not finished: its data is "
                                   "in use; remove the manifest first"
                          : "there is no data of an app " + name + " without a manifest"}});
    return reply;
  }
  AppState& state = found->second;
  reply.body = Json::object({{"purged", Json(data_of(state))}});
  state.removing = true;
  state.purging = true;
  state.drop_data = {"database", "messagebus", "storage"};
  mark_dirty(state, now_.steady);
  return reply;
}

}  // namespace fairlead
