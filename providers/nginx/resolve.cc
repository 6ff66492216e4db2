#include <algorithm>
#include <set>
#include <utility>

#include "providers/nginx/acme.h"
#include "providers/nginx/htpasswd.h"
#include "providers/nginx/render.h"
#include "providers/nginx/site.h"
#include "reconciler/grammar.h"

namespace fairlead::nginx {
namespace {

Expose published(int port, const Platform::Edge& edge, int host_port) {
  Expose expose;
  expose.proto = Expose::Proto::tcp;
  expose.port = port;
  expose.publish = Publish{edge.address, host_port, edge.both_families};
  return expose;
}

void host_edge(const Platform& platform, Graph& graph) {
  const Platform::Edge& edge = platform.edge;
  graph.mounts.push_back({platform.folders.edge, folder_in_container, true});
  graph.publishes.push_back(published(80, edge, edge.http_port));
  graph.publishes.push_back(published(443, edge, edge.https_port));
}

// Resolves one app that exposes something.
class Resolver {
 public:
  Resolver(const ResolveInput& input, Graph& graph)
      : input_(input), platform_(*input.platform), app_(*input.app), graph_(graph) {
    spec_->app = app_.name;
    spec_->suspended = app_.suspend;
  }

  Result<void> resolve() {
    for (std::size_t i = 0; i < app_.expose.size(); ++i) {
      if (app_.expose[i].proto == Expose::Proto::tcp) continue;
      if (Result<void> done = add_route(i); !done) return done;
    }
    if (spec_->routes.empty() && spec_->lost.empty()) return {};
    if (!spec_->routes.empty() && platform_.edge.mode == Platform::Edge::Mode::managed) {
      graph_.services[edge_app] = false;
    }
    if (!first_host_.empty()) set_url();
    graph_.resources.push_back({"route", app_.name, {}, spec_, ""});
    return {};
  }

 private:
  Result<void> add_route(std::size_t index) {
    const Expose& expose = app_.expose[index];
    Route route;
    route.expose = expose;
    for (const std::string& host : hosts_of(expose)) {
      const auto lost = input_.lost_hosts.find(host);
      if (lost != input_.lost_hosts.end()) {
        spec_->lost[host] = lost->second;
      } else if (taken_.emplace(host, expose.path).second) {
        add_host(host, route);
      }
    }
    if (route.hosts.empty()) return {};
    std::sort(route.hosts.begin(), route.hosts.end());
    if (expose.auth) {
      Result<Secret> content = htpasswd(index);
      if (!content) return content.error();
      route.htpasswd = std::move(*content);
    }
    spec_->routes.push_back(std::move(route));
    return {};
  }

  // What it says; else the app's default name, of which the first entry of each path is meant.
  std::vector<std::string> hosts_of(const Expose& expose) {
    if (!expose.domains.empty()) return expose.domains;
    if (!defaults_.insert(expose.path).second) return {};
    const std::string host = app_.name + "." + platform_.domain;
    if (const auto normal = normal_domain(host, false)) return {*normal};
    spec_->lost[host] = "is no host name: say `domains`";
    return {};
  }

  void add_host(const std::string& host, Route& route) {
    route.hosts.push_back(host);
    if (first_host_.empty() && host.compare(0, 2, "*.") != 0) {
      first_host_ = host;
      first_ = route.expose;
    }
    if (!input_.certificates || spec_->certificates.count(host) > 0) return;
    Result<CertificatePtr> certificate = find_certificate(*input_.certificates, host);
    if (!certificate) return keep_certificate(host, certificate.error().message);
    if (!*certificate) return;
    spec_->certificates[host] = *certificate;
    if (!(*certificate)->acme) graph_.served[host] = {(*certificate)->source, (*certificate)->pem};
  }

  // A file of no use, such as one of a pair that is being renewed, takes from nobody the
  // certificate that serves.
  void keep_certificate(const std::string& host, const std::string& why) {
    std::string instead = "a self-signed one";
    if (const auto before = served_before(host)) {
      spec_->certificates[host] = std::make_shared<const Certificate>(*before);
      graph_.served[host] = {before->source, before->pem};
      instead = "the one before";
    }
    spec_->trouble[host] = why + "; " + instead + " is served until that is mended";
  }

  std::optional<Certificate> served_before(const std::string& host) const {
    if (!input_.served) return std::nullopt;
    const auto held = input_.served->find(host);
    if (held == input_.served->end()) return std::nullopt;
    const Secret& pem = held->second.pem;
    const auto parsed = parse_certificate(held->second.source, pem.reveal(), pem);
    return parsed ? std::optional(*parsed) : std::nullopt;
  }

  Result<Secret> htpasswd(std::size_t index) const {
    const std::string& file = *app_.expose[index].auth;
    const std::string field = "expose[" + std::to_string(index) + "].auth";
    const std::string path = platform_.folders.secrets + "/" + file;
    const auto found = input_.secrets->find(file);
    if (found == input_.secrets->end()) {
      return Error{Code::invalid,
                   field + ": there is no file " + path + "; put it there, or correct the name",
                   app_.where(field)};
    }
    Result<Secret> content = parse_htpasswd(found->second);
    if (content) return content;
    return Error{Code::invalid, field + ": " + path + ": " + content.error().message,
                 app_.where(field)};
  }

  // The words of manifest and platform file; what files lie in the certificate folder never reaches
  // a container, or a renewal would replace it.
  Scheme scheme() {
    if (first_.scheme) return *first_.scheme;
    if (platform_.edge.scheme) return *platform_.edge.scheme;
    const Platform::Edge::Acme& acme = platform_.edge.acme;
    const bool said = std::find(first_.domains.begin(), first_.domains.end(), first_host_) !=
                      first_.domains.end();
    const bool ordered = said && !acme.email.empty() && acme_can(first_host_, acme);
    const Scheme told = input_.scheme.value_or(ordered ? Scheme::https : Scheme::http);
    const bool by_file = spec_->certificates.count(first_host_) > 0;
    const Scheme earlier = by_file ? Scheme::https : Scheme::http;
    if (earlier != told) graph_.scheme_by_file = earlier;
    return told;
  }

  void set_url() {
    const bool https = scheme() == Scheme::https;
    // gRPC is served over TLS alone.
    const bool tls = https || first_.proto == Expose::Proto::grpc;
    const int port = tls ? platform_.edge.https_port : platform_.edge.http_port;
    std::string url = (tls ? "https://" : "http://") + first_host_;
    if (port != (tls ? 443 : 80)) url += ":" + std::to_string(port);
    if (first_.path != "/") url += first_.path;
    graph_.env["APP_URL"] = url;
    if (https) graph_.env["FORCE_HTTPS"] = "true";
  }

  const ResolveInput& input_;
  const Platform& platform_;
  const App& app_;
  Graph& graph_;
  std::shared_ptr<SiteSpec> spec_ = std::make_shared<SiteSpec>();
  std::set<std::pair<std::string, std::string>> taken_;  // host and path
  std::set<std::string> defaults_;                       // paths of the default host
  std::string first_host_;                               // without wildcard; empty: there is none
  Expose first_;                                         // where that leads
};

}  // namespace

const SiteSpec* spec_of(const Graph* graph) {
  if (!graph) return nullptr;
  for (const Resource& resource : graph->resources) {
    if (const auto* spec = dynamic_cast<const SiteSpec*>(resource.spec.get())) return spec;
  }
  return nullptr;
}

Result<void> resolve_app(const ResolveInput& input, Graph& graph) {
  using Mode = Platform::Edge::Mode;
  const Mode mode = input.platform->edge.mode;
  if (mode != Mode::none && input.app->name == edge_app) {
    if (mode == Mode::managed) host_edge(*input.platform, graph);
    graph.resources.push_back({"generation", edge_app, {}, nullptr, ""});
    return {};
  }
  if (mode == Mode::none || !input.hosted) return {};
  return Resolver(input, graph).resolve();
}

}  // namespace fairlead::nginx
