#include "providers/nginx/render.h"

#include <algorithm>
#include <set>

#include "providers/nginx/openssl.h"
#include "providers/nginx/text.h"
#include "reconciler/grammar.h"
#include "reconciler/url.h"

namespace fairlead::nginx {
namespace {

constexpr std::size_t content_id_digits = 32;
// As the generation has them for all sites.
constexpr std::int64_t header_limit = 64 << 10;
constexpr std::int64_t buffer_size = 16 << 10;
constexpr std::chrono::seconds tries_within{10};
// What requests may have in headers where no route of the host says more.
constexpr std::int64_t request_headers = 16 << 10;

class SiteRenderer {
 public:
  SiteRenderer(const SiteSpec& spec, const std::vector<std::string>& backends,
               CertificatePtr self_signed, const Platform& platform, Version version)
      : spec_(spec),
        backends_(backends.begin(), backends.end()),
        self_signed_(std::move(self_signed)),
        platform_(platform),
        version_(version) {
    std::map<std::string, Routes> hosts;
    for (const Route& route : spec_.routes) {
      for (const std::string& host : route.hosts) hosts[host][route.expose.path] = &route;
    }
    for (const auto& [host, routes] : hosts) add_host(host, routes);
  }

  Site render() {
    if (!backends_.empty()) upstreams();
    for (const Server& server : servers_) {
      write(server, nullptr);
      const CertificatePtr certificate = server.by_file ? server.by_file : self_signed_;
      if (certificate) write(server, certificate);
    }
    site_.text = writer_.text();
    return std::move(site_);
  }

 private:
  using Routes = std::map<std::string, const Route*>;  // path → where it leads

  // Hosts that are served alike. One block for all of them: nginx reads the certificate of each
  // block anew, which takes it longer than all the rest.
  struct Server {
    std::vector<std::string> hosts;
    Routes routes;
    CertificatePtr by_file;  // null: there is none
  };

  void add_host(const std::string& host, const Routes& routes) {
    const auto found = spec_.certificates.find(host);
    const CertificatePtr by_file = found == spec_.certificates.end() ? nullptr : found->second;
    const auto [first, is_new] =
        alike_.emplace(std::pair(routes, by_file ? by_file->id : ""), servers_.size());
    if (is_new) servers_.push_back({{}, routes, by_file});
    servers_[first->second].hosts.push_back(host);
  }

  // nginx keeps connections to the app by its upstream: of different protocols they must not mix.
  std::string upstream_of(const Expose& expose) const {
    return spec_.app + "." + proto_name(expose.proto) + "." + std::to_string(expose.port);
  }

  void upstreams() {
    std::map<std::string, int> ports;  // upstream → port
    for (const Route& route : spec_.routes) ports[upstream_of(route.expose)] = route.expose.port;
    for (const auto& [name, port] : ports) {
      writer_.begin("upstream " + name);
      for (const std::string& address : backends_) {
        // fairlead looks after the app's health; nginx would leave out a slow one as well.
        writer_.line("server " + host_in_url(address) + ":" + std::to_string(port) +
                     " max_fails=0");
      }
      writer_.line("keepalive 32");
      // Shorter than any server's own, so that no request meets a connection that is being closed.
      writer_.line("keepalive_timeout 1s");
      writer_.end();
    }
  }

  // Over TLS with a certificate, else over plain HTTP.
  void write(const Server& server, const CertificatePtr& certificate) {
    writer_.begin("server");
    if (certificate) {
      write_listen_https(writer_, platform_.edge, version_);
    } else {
      write_listen_http(writer_, platform_.edge);
    }
    for (const std::string& host : server.hosts) writer_.line("server_name " + host);
    if (certificate) {
      const std::string file = "certificates/" + certificate->id + ".pem";
      site_.files[file] = certificate->pem;
      writer_.line("ssl_certificate " + file);
      writer_.line("ssl_certificate_key " + file);
    } else {
      write_challenges(writer_, platform_);
    }
    if (says_more(server)) writer_.line("large_client_header_buffers 4 16k");
    if (!backends_.empty()) own_errors();
    const bool by_file = server.by_file != nullptr;
    for (const auto& [path, route] : server.routes) {
      locations(path, *route, certificate != nullptr, by_file);
    }
    if (server.routes.count("/") == 0) nothing_here();
    writer_.end();
  }

  // What an app sets as cookies comes back in requests. nginx knows the host by its name in the
  // handshake, or by the header Host, which browsers send first.
  static bool says_more(const Server& server) {
    return std::any_of(server.routes.begin(), server.routes.end(), [](const auto& route) {
      return route.second->expose.header_limit.value_or(0) > request_headers;
    });
  }

  // What nginx itself has to say of an app that does not answer; what the app says is left alone.
  // Only where the app has not begun with the request may it be sent again.
  void own_errors() {
    writer_.line("error_page 502 504 = @unavailable");
    writer_.begin("location @unavailable");
    writer_.line("default_type text/html");
    writer_.line("add_header Retry-After $fairlead_retry always");
    for (const auto& [name, status] : {std::pair("late", 504), std::pair("unreadable", 502)}) {
      writer_.begin("if ($fairlead_error = " + std::string(name) + ")");
      writer_.line("return " + std::to_string(status) + " $fairlead_" + name);
      writer_.end();
    }
    writer_.line("return 503 $fairlead_unavailable");
    writer_.end();
    if (platform_.edge.connections_per_address == 0) return;
    writer_.line("error_page 429 = @busy");
    writer_.begin("location @busy");
    page(429, "busy", 5);
    writer_.end();
  }

  void page(int status, const std::string& name, int retry_after) {
    writer_.line("default_type text/html");
    if (retry_after > 0) {
      writer_.line("add_header Retry-After " + std::to_string(retry_after) + " always");
    }
    writer_.line("return " + std::to_string(status) + " $fairlead_" + name);
  }

  void nothing_here() {
    writer_.begin("location /");
    page(404, "unknown", 0);
    writer_.end();
  }

  // "/api" covers itself and what is below, and not "/apix".
  void locations(const std::string& path, const Route& route, bool tls, bool by_file) {
    if (path != "/") location("= " + path, route, tls, by_file);
    location(path == "/" ? path : path + "/", route, tls, by_file);
  }

  void location(const std::string& match, const Route& route, bool tls, bool by_file) {
    writer_.begin("location " + match);
    const bool secure = tls && by_file;
    if (secure && route.expose.hsts) strict_transport(*route.expose.hsts);
    if (backends_.empty()) {
      spec_.suspended ? page(503, "maintenance", 60) : page(503, "unavailable", 5);
    } else if (tls || !redirects(route.expose, by_file)) {
      access(route);
      pass(route.expose);
    } else if (platform_.edge.trusted_proxies.empty() ||
               route.expose.proto == Expose::Proto::grpc) {
      redirect();
    } else {
      // A proxy before the edge may have taken the TLS off.
      writer_.begin("if ($fairlead_proto = http)");
      redirect();
      writer_.end();
      access(route);
      pass(route.expose);
    }
    writer_.end();
  }

  // gRPC needs HTTP/2, which the edge speaks over TLS only.
  bool redirects(const Expose& expose, bool by_file) const {
    return expose.proto == Expose::Proto::grpc || expose.redirect.value_or(by_file);
  }

  void redirect() {
    const int port = platform_.edge.https_port;
    const std::string at = port == 443 ? "" : ":" + std::to_string(port);
    writer_.line("return 308 https://$host" + at + "$request_uri");
  }

  void strict_transport(Milliseconds age) {
    const auto whole = std::chrono::duration_cast<std::chrono::seconds>(age).count();
    writer_.line("add_header Strict-Transport-Security max-age=" + std::to_string(whole) +
                 " always");
    for (const char* module : {"proxy", "grpc"}) {
      writer_.line(std::string(module) + "_hide_header Strict-Transport-Security");
    }
  }

  // The first line that holds the visitor's address decides. Whoever means the other apps, or this
  // host (which the engine's proxy leads in by a gateway, an address of the pool), names them.
  void allow_only(const std::set<std::string>& ranges) {
    const std::vector<std::string> own = {platform_.network.pool, "127.0.0.0/8", "::1"};
    const auto names_own = [&](const std::string& range) {
      return std::any_of(own.begin(), own.end(),
                         [&](const std::string& inside) { return is_within(range, inside); });
    };
    for (const std::string& range : ranges) {
      if (names_own(range)) writer_.line("allow " + range);
    }
    for (const std::string& inside : own) writer_.line("deny " + inside);
    for (const std::string& range : ranges) {
      if (!names_own(range)) writer_.line("allow " + range);
    }
    writer_.line("deny all");
  }

  void access(const Route& route) {
    const std::set<std::string> ranges(route.expose.allow.begin(), route.expose.allow.end());
    if (!ranges.empty()) allow_only(ranges);
    if (route.htpasswd.empty()) return;
    const std::string file = "passwords/" + content_id(route.htpasswd.reveal());
    site_.files[file] = route.htpasswd;
    writer_.line("auth_basic " + spec_.app);
    writer_.line("auth_basic_user_file " + file);
  }

  void pass(const Expose& expose) {
    const bool grpc = expose.proto == Expose::Proto::grpc;
    // A stream has no length that could be limited.
    const std::int64_t no_limit = grpc ? 0 : -1;
    const std::int64_t limit = expose.body_limit.value_or(no_limit);
    if (limit >= 0) writer_.line("client_max_body_size " + std::to_string(limit));
    const std::string module = grpc ? "grpc" : "proxy";
    if (expose.header_limit) answer_headers(*expose.header_limit, module);
    if (expose.timeout) {
      const std::string time = std::to_string(expose.timeout->count()) + "ms";
      writer_.line(module + "_read_timeout " + time);
      writer_.line(module + "_send_timeout " + time);
      // What took that long must not be done once more by another replica.
      if (*expose.timeout < tries_within) writer_.line(module + "_next_upstream_timeout " + time);
      if (grpc) writer_.line("client_body_timeout " + time);
    }
    if (!expose.gzip) writer_.line("gzip off");
    if (!expose.buffering && !grpc) writer_.line("proxy_buffering off");
    const std::string upstream = upstream_of(expose);
    if (expose.proto == Expose::Proto::https) {
      // Its certificate is not checked: the network leads to this app alone.
      writer_.line("proxy_ssl_server_name on");
      writer_.line("proxy_ssl_name $host");
    }
    writer_.line(module + "_pass " + proto_name(expose.proto) + "://" + upstream);
  }

  // nginx reads an answer's headers into one buffer, and wants room for one more beside what it is
  // sending to the visitor.
  void answer_headers(std::int64_t limit, const std::string& module) {
    const std::string size = std::to_string(limit);
    writer_.line(module + "_buffer_size " + size);
    if (module != "proxy" || limit <= header_limit) return;
    writer_.line("proxy_buffers " + std::to_string(limit / buffer_size + 3) + " 16k");
    writer_.line("proxy_busy_buffers_size " + size);
  }

  const SiteSpec& spec_;
  const std::set<std::string> backends_;
  const CertificatePtr self_signed_;
  const Platform& platform_;
  const Version version_;
  std::vector<Server> servers_;
  std::map<std::pair<Routes, std::string>, std::size_t> alike_;  // → index of the server
  Writer writer_;
  Site site_;
};

}  // namespace

const char* proto_name(Expose::Proto proto) {
  if (proto == Expose::Proto::https) return "https";
  return proto == Expose::Proto::grpc ? "grpc" : "http";
}

Site render_site(const SiteSpec& spec, const std::vector<std::string>& backends,
                 const CertificatePtr& self_signed, const Platform& platform, Version version) {
  return SiteRenderer(spec, backends, self_signed, platform, version).render();
}

std::string content_id(const std::string& content) {
  return sha256_hex(content).substr(0, content_id_digits);
}

}  // namespace fairlead::nginx
