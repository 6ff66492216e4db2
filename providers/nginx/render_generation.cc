#include <algorithm>
#include <set>
#include <string_view>

#include "providers/nginx/text.h"
#include "reconciler/grammar.h"

namespace fairlead::nginx {
namespace {

// nginx closes idle connections of visitors on a reload, and from this version on not those that
// are about to be used.
constexpr Version keepalive_min_timeout{1, 27, 4};

// From which version on it tells how an upstream answered.
constexpr Version upstream_variables{1, 11, 4};

constexpr std::string_view include_begin = "  include sites/";
constexpr std::string_view include_end = ".conf;  #";
constexpr std::size_t include_size = 100;  // about

// Where many stand behind one address, or behind one connection.
constexpr int many = 10;
// Each network of an app begins at a multiple of 64, and its gateway is the first address in it; no
// container is given one that ends so (docker/network.h).
constexpr std::string_view gateway = "[0-9.]+\\.(1|65|129|193)$";

std::string page(const std::string& title, const std::string& text) {
  return "\"<!doctype html><html lang=en><meta charset=utf-8><title>" + title +
         "</title><body style='font-family:sans-serif;margin:4em auto;max-width:32em'><h1>" +
         title + "</h1><p>" + text + "</p></body></html>\"";
}

class GenerationRenderer {
 public:
  GenerationRenderer(const Platform& platform, const Index& index, std::string id, Version version)
      : platform_(platform), index_(index), id_(std::move(id)), version_(version) {}

  std::string render() {
    process();
    writer_.begin("http");
    names();
    visitors();
    tls();
    forwarded();
    crowds();
    upstreams();
    errors();
    pages();
    default_servers();
    status_server();
    std::string text = writer_.text();
    text.reserve(text.size() + index_.size() * include_size);
    for (const auto& [app, site] : index_) include(app, site, text);
    return text + "}\n";
  }

 private:
  bool managed() const { return platform_.edge.mode == Platform::Edge::Mode::managed; }

  void lines(const std::vector<std::string>& all) {
    for (const std::string& each : all) writer_.line(each);
  }

  void process() {
    // On the host its package has decided where these are.
    if (managed()) {
      lines({"user nginx", "pid /run/nginx.pid", "error_log stderr error"});
    } else {
      lines({"error_log /var/log/nginx/error.log error"});
    }
    const auto whole =
        std::chrono::duration_cast<std::chrono::seconds>(platform_.edge.shutdown_timeout).count();
    // Each reload leaves this many behind for as long as their connections last.
    lines({"worker_processes 2", "worker_shutdown_timeout " + std::to_string(whole) + "s",
           "worker_rlimit_nofile 16384"});
    writer_.begin("events");
    // With the buffers below as much as fits into the edge's 256M, should all of them be taken by
    // headers that never end (measured: 176M).
    writer_.line("worker_connections 4096");
    writer_.end();
  }

  // The longest host name has 253 characters.
  void names() {
    lines({"server_names_hash_bucket_size 512", "server_names_hash_max_size 65536",
           "variables_hash_max_size 2048", "proxy_headers_hash_max_size 1024",
           "proxy_headers_hash_bucket_size 128"});
  }

  void visitors() {
    lines({"server_tokens off", "access_log off", "default_type application/octet-stream",
           "keepalive_timeout 60s"});
    if (version_ >= keepalive_min_timeout) writer_.line("keepalive_min_timeout 5s");
    // To the variables by which a trusted proxy is believed, X_Forwarded_Proto of a visitor would
    // be what the proxy's own X-Forwarded-Proto is.
    if (platform_.edge.trusted_proxies.empty()) writer_.line("underscores_in_headers on");
    lines({"client_header_timeout 10s", "large_client_header_buffers 2 8k",
           "reset_timedout_connection on", "client_max_body_size 10m", "gzip on",
           "gzip_proxied any", "gzip_vary on", "gzip_min_length 1024",
           "gzip_types text/css text/plain text/xml text/javascript application/javascript "
           "application/json application/manifest+json application/xml application/rss+xml "
           "application/atom+xml application/wasm image/svg+xml font/ttf font/otf"});
  }

  void tls() {
    lines({"ssl_protocols TLSv1.2 TLSv1.3",
           "ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
           "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
           "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305",
           "ssl_session_cache shared:fairlead:10m", "ssl_session_timeout 1d",
           "ssl_session_tickets off"});
  }

  void map(const std::string& head, const std::vector<std::string>& cases) {
    writer_.begin("map " + head);
    lines(cases);
    writer_.end();
  }

  // What a visitor says of itself is dropped; what a proxy before the edge says is kept.
  void forwarded() {
    trust();
    map("$fairlead_trusted:$http_x_forwarded_proto $fairlead_proto",
        {"default $scheme", "1:https https", "1:http http"});
    map("$scheme $fairlead_own_port", {"default " + std::to_string(platform_.edge.http_port),
                                       "https " + std::to_string(platform_.edge.https_port)});
    map("$fairlead_trusted:$http_x_forwarded_proto $fairlead_usual_port",
        {"default $fairlead_own_port", "1:https 443", "1:http 80"});
    map("$fairlead_trusted:$http_x_forwarded_port $fairlead_port",
        {"default $fairlead_usual_port",
         "\"~^1:(?<fairlead_said_port>[0-9]{1,5})$\" $fairlead_said_port"});
    // The Host header may differ from the host that was routed, where the request line has one.
    map("$host|$http_host $fairlead_host",
        {"default $host",
         "\"~*^([^|]*)\\|(?<fairlead_said_host>\\1(:[0-9]{1,5})?)$\" $fairlead_said_host"});
    // Any other upgrade (h2c) would lead past all that is decided here.
    map("$http_upgrade $fairlead_upgrade", {"default \"\"", "\"~*^websocket$\" websocket"});
    map("$fairlead_upgrade $fairlead_connection", {"default \"\"", "websocket upgrade"});
    for (const std::string module : {"proxy", "grpc"}) headers(module + "_set_header ");
    lines({"proxy_set_header Upgrade $fairlead_upgrade",
           "proxy_set_header Connection $fairlead_connection"});
  }

  void trust() {
    const auto& said = platform_.edge.trusted_proxies;
    const std::set<std::string> proxies(said.begin(), said.end());
    for (const std::string& proxy : proxies) writer_.line("set_real_ip_from " + proxy);
    if (!proxies.empty()) lines({"real_ip_header X-Forwarded-For", "real_ip_recursive on"});
    writer_.begin("geo $realip_remote_addr $fairlead_trusted");
    writer_.line("default 0");
    for (const std::string& proxy : proxies) writer_.line(proxy + " 1");
    writer_.end();
  }

  // How much one address may ask for at a time. A proxy that is trusted and names no visitor stands
  // for any number of them.
  void crowds() {
    const int most = platform_.edge.connections_per_address;
    if (most == 0) return;
    std::map<std::string, std::string> kinds = {{platform_.network.pool, "pool"}};
    for (const std::string& proxy : platform_.edge.trusted_proxies) kinds[proxy] = "proxy";
    writer_.begin("geo $fairlead_from");
    writer_.line("default visitor");
    for (const auto& [range, kind] : kinds) writer_.line(range + " " + kind);
    writer_.end();
    map("$fairlead_from:$server_protocol:$remote_addr $fairlead_crowd",
        {"default one", "~^proxy: none", "\"~^pool:[^:]*:" + std::string(gateway) + "\" many",
         "~:HTTP/2 many"});
    map("$fairlead_crowd $fairlead_one", {"default \"\"", "one $binary_remote_addr"});
    map("$fairlead_crowd $fairlead_many", {"default \"\"", "many $binary_remote_addr"});
    lines({"limit_conn_zone $fairlead_one zone=fairlead_one:4m",
           "limit_conn_zone $fairlead_many zone=fairlead_many:4m",
           "limit_conn fairlead_one " + std::to_string(most),
           "limit_conn fairlead_many " + std::to_string(many * most), "limit_conn_status 429",
           "limit_conn_log_level notice"});
  }

  // All other spellings of a header that are one to apps which know headers as variables
  // (HTTP_X_REAL_IP of WSGI, PHP, Ruby): "X_Real-IP", "X-Real_IP", "X_Real_IP".
  static std::vector<std::string> twins(const std::string& header) {
    std::vector<std::string> all = {""};
    for (const char c : header) {
      const std::size_t count = all.size();
      for (std::size_t i = 0; c == '-' && i < count; ++i) all.push_back(all[i] + "_");
      for (std::size_t i = 0; i < count; ++i) all[i] += c;
    }
    all.erase(all.begin());  // itself
    return all;
  }

  void drop_twins(const std::string& set, const std::string& header) {
    for (const std::string& twin : twins(header)) writer_.line(set + twin + " \"\"");
  }

  void headers(const std::string& set) {
    for (const std::string header :
         {"Host $fairlead_host", "X-Real-IP $remote_addr", "X-Forwarded-For $remote_addr",
          "X-Forwarded-Proto $fairlead_proto", "X-Forwarded-Host $fairlead_host",
          "X-Forwarded-Port $fairlead_port"}) {
      writer_.line(set + header);
      drop_twins(set, header.substr(0, header.find(' ')));
    }
    for (const std::string header :
         {"Forwarded", "Proxy", "X-Forwarded-Prefix", "X-Forwarded-Scheme", "X-Forwarded-Server",
          "X-Forwarded-Ssl", "X-Original-URL", "X-Rewrite-URL"}) {
      writer_.line(set + header + " \"\"");
      drop_twins(set, header);
    }
    // They decide where a request ends, to an app that takes one for the other.
    for (const std::string header : {"Content-Length", "Transfer-Encoding"}) {
      drop_twins(set, header);
    }
  }

  void upstreams() {
    lines({"proxy_http_version 1.1", "proxy_redirect off", "proxy_buffer_size 64k",
           "proxy_buffers 8 16k", "proxy_busy_buffers_size 64k", "grpc_buffer_size 64k"});
    for (const std::string module : {"proxy", "grpc"}) {
      // Only what has not been sent, or may be sent twice, and not after a long wait.
      lines({module + "_connect_timeout 2s", module + "_next_upstream error timeout",
             module + "_next_upstream_tries 3", module + "_next_upstream_timeout 10s",
             module + "_ignore_headers X-Accel-Redirect"});
    }
  }

  // Which of nginx's own errors it was: the app has begun with the request and is late; what it
  // answered nginx cannot read; or else it was not reached, and may be asked again. After several
  // tries each variable is a list, whose last entry counts.
  void errors() {
    const bool told = version_ >= upstream_variables;
    map(told
            ? "\"$upstream_status;$upstream_connect_time;$upstream_bytes_received\" $fairlead_error"
            : "\"$upstream_status;0;0\" $fairlead_error",
        {"default unavailable", "\"~(^|[ ,])504;([^;]*[ ,])?[0-9.]+;\" late",
         "\"~(^|[ ,])502;[^;]*;([^;]*[ ,])?[1-9][0-9]*$\" unreadable"});
    map("$fairlead_error $fairlead_retry", {"default \"\"", "unavailable 5"});
  }

  void pages() {
    map("\"\" $fairlead_unknown",
        {"default " + page("Not found", "Nothing is served at this address.")});
    map("\"\" $fairlead_unavailable",
        {"default " + page("Unavailable", "This service does not answer. Please try again soon.")});
    map("\"\" $fairlead_late",
        {"default " + page("Timed out",
                           "This service did not answer in time. It may still be at "
                           "work on the request.")});
    map("\"\" $fairlead_unreadable",
        {"default " + page("Bad answer",
                           "What this service answered cannot be passed on: its "
                           "headers are larger than the header_limit of its route, "
                           "or cannot be read.")});
    map("\"\" $fairlead_busy",
        {"default " + page("Too many requests",
                           "Too many requests from this address are being answered at "
                           "one time. Please try again soon.")});
    map("\"\" $fairlead_maintenance",
        {"default " +
         page("Maintenance", "This service is being maintained. Please try again later.")});
  }

  void default_servers() {
    writer_.begin("server");
    write_listen_http(writer_, platform_.edge, " default_server");
    write_challenges(writer_, platform_);
    unknown();
    writer_.end();
    // A request may name another host than its handshake did.
    writer_.begin("server");
    write_listen_https(writer_, platform_.edge, version_, " default_server");
    writer_.line("ssl_reject_handshake on");
    unknown();
    writer_.end();
  }

  void unknown() {
    writer_.begin("location /");
    lines({"default_type text/html", "return 404 $fairlead_unknown"});
    writer_.end();
  }

  // In the network of each app that it leads to, this is open to the app's containers as well. The
  // daemon asks from the host, by a gateway.
  void askers() {
    map("$remote_addr $fairlead_asker",
        {"default \"\"", "127.0.0.1 self", "\"~^" + std::string(gateway) + "\" host"});
  }

  void status_server() {
    const std::string place = managed() ? "" : "127.0.0.1:";
    if (managed()) askers();
    writer_.begin("server");
    writer_.line("listen " + place + std::to_string(platform_.edge.status_port));
    if (managed()) {
      writer_.begin("if ($fairlead_asker = \"\")");
      writer_.line("return 403");
      writer_.end();
    }
    writer_.begin("location = /generation");
    lines({"default_type text/plain", "return 200 \"$nginx_version " + id_ + "\\n\""});
    writer_.end();
    writer_.begin("location /");
    writer_.line("return 404");
    writer_.end();
    writer_.end();
  }

  static void include(const std::string& app, const Included& site, std::string& text) {
    text.append(include_begin).append(app).append(1, '.').append(site.id).append(include_end);
    for (const std::string& address : site.addresses) text.append(1, ' ').append(address);
    text.append(1, '\n');
  }

  const Platform& platform_;
  const Index& index_;
  const std::string id_;
  const Version version_;
  Writer writer_;
};

// "blog.3f9c2a1b" and " 10.213.0.66 10.213.0.67"; nothing where it is neither. There may be
// thousands of them: no streams.
void read_include(std::string_view name, std::string_view rest, Index& index) {
  const std::size_t dot = name.find('.');
  const std::string_view id = dot == name.npos ? std::string_view() : name.substr(dot + 1);
  if (!is_name(name.substr(0, dot)) || id.empty()) return;
  if (id.find_first_not_of("0123456789abcdef") != id.npos) return;
  Included site{std::string(id), {}};
  while (!rest.empty()) {
    const std::size_t begin = rest.find_first_not_of(' ');
    if (begin == rest.npos) break;
    const std::size_t end = std::min(rest.find(' ', begin), rest.size());
    site.addresses.emplace_back(rest.substr(begin, end - begin));
    if (!is_address(site.addresses.back())) return;
    rest.remove_prefix(end);
  }
  index[std::string(name.substr(0, dot))] = std::move(site);
}

}  // namespace

std::string render_generation(const Platform& platform, const Index& index, const std::string& id,
                              Version version) {
  return GenerationRenderer(platform, index, id, version).render();
}

Index parse_index(const std::string& text) {
  Index index;
  std::string_view left = text;
  while (!left.empty()) {
    const std::size_t length = std::min(left.find('\n'), left.size());
    const std::string_view line = left.substr(0, length);
    left.remove_prefix(std::min(length + 1, left.size()));
    const std::size_t end = line.find(include_end);
    if (!line.starts_with(include_begin) || end == line.npos) continue;
    read_include(line.substr(include_begin.size(), end - include_begin.size()),
                 line.substr(end + include_end.size()), index);
  }
  return index;
}

}  // namespace fairlead::nginx
