#include "providers/nginx/app.h"

#include <algorithm>
#include <utility>

#include "providers/nginx/seen.h"

namespace fairlead::nginx {
namespace {

constexpr std::size_t id_digits = 16;

// How the routes of an app stand.
struct Stand {
  std::string state;
  std::string cause;
};

Stand stand_of(const View& view, const SeenEdge* edge, const AppShare& share) {
  if (!edge || edge->gone) return {"waiting", "the edge does not run"};
  if (const std::string* why = refusal_of(*edge, share)) return {"rejected", *why};
  const Index* live = edge->live_sites();
  const auto held = live ? live->find(view.app) : Index::const_iterator();
  if (!live || held == live->end() || held->second.id != share.id) {
    return {"waiting", "until the edge serves it"};
  }
  if (view.wanted->app->suspend) return {"live", "the app is suspended: a maintenance page"};
  if (share.addresses.empty()) return {"live", "no container is ready: a 503 page"};
  return {"live", ""};
}

const SeenEdge* edge_seen(const View& view) {
  const auto found = view.services.find(edge_app);
  return found == view.services.end() ? nullptr : dynamic_cast<const SeenEdge*>(found->second);
}

CertificatePtr own_certificate(const Keys& keys, const View& view, const SiteSpec& spec) {
  std::set<std::string> hosts;
  for (const Route& route : spec.routes) {
    for (const std::string& host : route.hosts) {
      if (spec.certificates.count(host) == 0) hosts.insert(host);
    }
  }
  if (hosts.empty()) return nullptr;
  return self_signed(keys, {hosts.begin(), hosts.end()}, view.now.wall);
}

void describe_route(const View& view, const SiteSpec& spec, const Route& route,
                    const CertificatePtr& own, const Stand& stand, Report& report) {
  for (const std::string& host : route.hosts) {
    const auto by_file = spec.certificates.find(host);
    const CertificatePtr& certificate = by_file == spec.certificates.end() ? own : by_file->second;
    RouteState state{host, route.expose.path, proto_name(route.expose.proto), {}, "", {}, "", ""};
    for (const std::string& address : view.standing.backends) {
      state.upstreams.push_back(address + ":" + std::to_string(route.expose.port));
    }
    if (certificate) {
      state.certificate = certificate->source;
      state.expires = certificate->ends;
    }
    state.state = stand.state;
    state.cause = stand.cause;
    const auto trouble = spec.trouble.find(host);
    if (state.cause.empty() && trouble != spec.trouble.end()) state.cause = trouble->second;
    report.routes.push_back(std::move(state));
  }
}

// What the certificate folder needs a person for. Nothing of it is out of sync or unwell.
void warn_of_files(const View& view, const SiteSpec& spec, Report& report) {
  for (const auto& [host, why] : spec.trouble) report.warn(why);
  for (const auto& [host, certificate] : spec.certificates) {
    const Lifetime lifetime = lifetime_of(*certificate, view.now.wall);
    if (!lifetime.warning.empty()) report.warn(certificate->source + ": " + lifetime.warning);
    if (lifetime.next.count() > 0) report.due(view.now.steady + (lifetime.next - view.now.wall));
  }
}

std::map<std::string, CertificatePtr> said_domains(const SiteSpec& spec) {
  std::map<std::string, CertificatePtr> domains;
  for (const Route& route : spec.routes) {
    for (const std::string& host : route.expose.domains) {
      if (std::find(route.hosts.begin(), route.hosts.end(), host) == route.hosts.end()) continue;
      // The operator has a file for it, and that must be mended.
      if (spec.trouble.count(host) > 0) continue;
      const auto by_file = spec.certificates.find(host);
      domains[host] = by_file == spec.certificates.end() ? nullptr : by_file->second;
    }
  }
  return domains;
}

}  // namespace

std::string id_of(const Keys& keys, const std::string& text) {
  return keys.digest("edge", text).substr(0, id_digits);
}

const std::string* refusal_of(const SeenEdge& edge, const AppShare& share) {
  if (edge.rejected.empty()) return nullptr;
  const auto refused = [&](const std::string& name) -> const std::string* {
    const auto found = edge.rejected.find(name);
    return found == edge.rejected.end() ? nullptr : &found->second;
  };
  if (const std::string* why = refused(site_name(share.app, share.id))) return why;
  for (const auto& [path, content] : share.site.files) {
    if (const std::string* why = refused(path)) return why;
  }
  return nullptr;
}

SharePtr share_of(const Keys& keys, const View& view) {
  const SiteSpec* spec = spec_of(view.wanted);
  if (!spec || spec->routes.empty()) return nullptr;
  const SeenEdge* edge = edge_seen(view);
  auto share = std::make_shared<AppShare>();
  share->app = view.app;
  share->addresses = view.standing.backends;
  share->domains = said_domains(*spec);
  share->own = own_certificate(keys, view, *spec);
  share->site = render_site(*spec, share->addresses, share->own, *view.platform,
                            edge ? edge->version : Version());
  // Whatever was put together wrongly goes no further.
  if (!check_rendered(share->site.text)) return nullptr;
  share->id = id_of(keys, share->site.text);
  return share;
}

std::optional<Traffic> traffic_of(const Graph& wanted, const Section* seen) {
  const SiteSpec* spec = spec_of(&wanted);
  if (!spec || spec->routes.empty()) return std::nullopt;
  const auto* edge = dynamic_cast<const SeenEdge*>(seen);
  if (edge && edge->gone) return std::nullopt;
  const Index* live = edge ? edge->live_sites() : nullptr;
  Traffic traffic;
  traffic.lost = edge && edge->lost();
  if (!live) return traffic;
  traffic.known = true;
  const auto held = live->find(wanted.app->name);
  if (held != live->end()) {
    traffic.addresses.insert(held->second.addresses.begin(), held->second.addresses.end());
  }
  return traffic;
}

void diff_app(const Keys& keys, const View& view, Report& report) {
  const SiteSpec* spec = spec_of(view.wanted);
  if (!spec) return;
  for (const auto& [host, why] : spec->lost) {
    report.conflicts.push_back({"host " + host, why});
    report.routes.push_back({host, "/", "http", {}, "", {}, "not served", why});
  }
  warn_of_files(view, *spec, report);
  const SharePtr share = share_of(keys, view);
  const AppShare* added = added_by(share);
  if (!added) return;
  const Stand stand = stand_of(view, edge_seen(view), *added);
  for (const Route& route : spec->routes) {
    describe_route(view, *spec, route, added->own, stand, report);
  }
  const std::string& host = report.routes.back().host;
  report.resources.push_back({"route", host, stand.state, stand.cause});
  if (stand.state == "waiting") report.out_of_sync("RouteNotLive", host + ": " + stand.cause);
  if (stand.state == "rejected") {
    report.out_of_sync("RouteRejected", host + ": " + stand.cause);
    report.worsen(HealthState::degraded, "RouteRejected", host + ": " + stand.cause);
  }
}

}  // namespace fairlead::nginx
