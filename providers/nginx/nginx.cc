#include "providers/nginx/nginx.h"

#include "providers/listing.h"
#include "providers/nginx/app.h"
#include "providers/nginx/diff.h"
#include "providers/nginx/observe.h"
#include "providers/nginx/outside.h"
#include "providers/nginx/seen.h"
#include "providers/nginx/steps.h"

namespace fairlead::nginx {
namespace {

class Nginx : public Provider {
 public:
  explicit Nginx(const Keys& keys) : keys_(keys) {}

  std::string_view name() const override { return "nginx"; }
  std::set<std::string> offers() const override { return {}; }
  std::string hosted_by(const Platform& platform) const override {
    return platform.edge.mode == Platform::Edge::Mode::none ? "" : edge_app;
  }
  bool stands_alone() const override { return true; }
  Result<void> resolve(const ResolveInput& input, Graph& graph) const override {
    return resolve_app(input, graph);
  }

  Place place(const Platform& platform) const override {
    if (platform.edge.mode != Platform::Edge::Mode::host) return {};
    return {"127.0.0.1", host_instance};
  }
  // The files are always there; nginx itself is asked in the passes.
  std::optional<Call> handshake(const Place&, const Platform&,
                                const std::vector<Answer>& so_far) const override {
    if (!so_far.empty()) return std::nullopt;
    FileCall call;
    call.act = FileCall::Act::list;
    call.area = FileCall::Area::edge;
    return call;
  }
  Result<Session> negotiate(const Place&, const Platform& platform,
                            const std::vector<Answer>& answers) const override {
    const Answer& answer = answers.back();
    if (!answer.ok() && answer.status != 404) {
      return Error{Code::unavailable, "the edge's folder cannot be read: " + answer.error, ""};
    }
    Session session;
    session.description = "the edge's folder " + platform.folders.edge;
    return session;
  }
  std::optional<HttpCall> subscription(const Session&) const override { return std::nullopt; }
  Hint decode_event(std::string_view) const override { return {}; }

  std::unique_ptr<Observer> observe(const Session&, const Scope& scope) const override {
    const bool of_edge = scope.app.empty() || scope.app == edge_app;
    return of_edge ? observe_edge(scope) : observe_nothing();
  }
  std::vector<std::string> changes(const Section* before, const Section* after) const override {
    return differences(listing(before), listing(after), Shown::whole);
  }

  void diff(const View& view, Plan& plan, Report& report) const override {
    if (!view.wanted) return;
    if (view.app != edge_app) return diff_app(keys_, view, report);
    diff_edge(keys_, view, plan, report);
    judge_outside(view, report);
  }
  std::vector<Probe> probes(const View& view) const override { return outside_probes(view); }
  SharePtr share(const View& view) const override { return share_of(keys_, view); }
  std::optional<Traffic> traffic(const Graph& wanted, const Section* seen) const override {
    return traffic_of(wanted, seen);
  }
  std::optional<std::set<std::string>> concerned(const Section* before,
                                                 const Section* after) const override;

  std::vector<std::string> objects(const Section*) const override { return {}; }
  // What is in its folder stays: the last good configuration.
  std::vector<std::string> data(const Section*) const override { return {}; }
  bool anything(const Section*) const override { return false; }

  Result<void> policy(const Call& call, const Platform& platform, const Tenant*) const override {
    return check_policy(call, platform);
  }
  Outcome judge(const Step& step, const Answer& answer) const override {
    return judge_step(step, answer);
  }

 private:
  static Listing listing(const Section* section) {
    Listing lines;
    const auto* seen = dynamic_cast<const SeenEdge*>(section);
    if (!seen) return lines;
    for (const std::string& path : *seen->files) lines["file " + path] = "there";
    lines["current generation"] = seen->current;
    return lines;
  }

  const Keys& keys_;
};

// Those whose site is another one than before, or is refused; all where the edge came or went.
std::optional<std::set<std::string>> Nginx::concerned(const Section* before,
                                                      const Section* after) const {
  const auto* was = dynamic_cast<const SeenEdge*>(before);
  const auto* is = dynamic_cast<const SeenEdge*>(after);
  std::set<std::string> apps;
  if (!was && !is) return apps;
  if (!was || !is || was->gone != is->gone || was->version != is->version) return std::nullopt;
  const Index* old_sites = was->live_sites();
  const Index* new_sites = is->live_sites();
  if (!old_sites && !new_sites) return apps;
  if (!old_sites || !new_sites) return std::nullopt;
  const auto changed = changed_apps(*old_sites, *new_sites);
  apps.insert(changed.begin(), changed.end());
  for (const auto& [name, why] : is->rejected) {
    if (was->rejected.count(name) > 0) continue;
    if (name.starts_with("certificates/")) return std::nullopt;
    apps.insert(name.substr(0, name.rfind('.')));
  }
  return apps;
}

}  // namespace

std::unique_ptr<Provider> make_provider(const Keys& keys) { return std::make_unique<Nginx>(keys); }

}  // namespace fairlead::nginx
