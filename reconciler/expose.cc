#include "reconciler/expose.h"

#include <map>
#include <set>

#include "reconciler/grammar.h"
#include "reconciler/units.h"

namespace fairlead {
namespace {

using namespace std::chrono_literals;

constexpr auto hsts_max = 24h * 3650;
// Bounds of `header_limit`: nginx takes its buffers in memory for each request.
constexpr std::int64_t header_limit_min = 4 << 10;
constexpr std::int64_t header_limit_max = 1 << 20;
// Apps that fairlead attaches to the networks of those that use them.
const std::set<std::string> services = {"mariadb", "rabbitmq"};
constexpr std::string_view challenges = "/.well-known/acme-challenge";

std::optional<Publish> read_publish(const Field& field) {
  const auto text = field.text();
  if (!text) return std::nullopt;
  Publish publish;
  const std::size_t colon = text->rfind(':');
  if (colon != std::string::npos) {
    publish.address = text->substr(0, colon);
    const bool bracketed = publish.address.size() > 2 && publish.address.front() == '[' &&
                           publish.address.back() == ']';
    if (bracketed) publish.address = publish.address.substr(1, publish.address.size() - 2);
    const bool six = publish.address.find(':') != std::string::npos;
    if (!is_address(publish.address) || six != bracketed) {
      field.refuse("must be a host port or \"ADDRESS:PORT\" with an IP address, got \"" + *text +
                   "\"");
      return std::nullopt;
    }
  }
  publish.port = std::stoi(text->substr(colon == std::string::npos ? 0 : colon + 1));
  if (publish.port >= 1 && publish.port <= 65535) return publish;
  field.refuse("must be 1..65535, got " + std::to_string(publish.port));
  return std::nullopt;
}

Expose::Proto read_proto(const Field& field) {
  const std::string proto = field.text().value_or("http");
  if (proto == "https") return Expose::Proto::https;
  if (proto == "grpc") return Expose::Proto::grpc;
  return proto == "tcp" ? Expose::Proto::tcp : Expose::Proto::http;
}

std::vector<std::string> read_domains(const Field& field) {
  std::vector<std::string> domains;
  for (const Field& item : field.items()) {
    const auto text = item.text();
    if (!text) continue;
    const auto domain = normal_domain(ascii_host(*text), true);
    if (domain) {
      domains.push_back(*domain);
    } else {
      item.refuse("must be a host name such as blog.example.org or *.example.org, got \"" + *text +
                  "\"");
    }
  }
  return domains;
}

// "/api/" is what "/api" is.
std::string read_route_path(const Field& field) {
  std::string path = field.text().value_or("/");
  if (path.size() > 2 && path.back() == '/') path.pop_back();
  if (!is_route_path(path)) {
    field.refuse(R"(must be a path without "//", "." and "..", got ")" + *field.text() + "\"");
    return "/";
  }
  const bool below = path.compare(0, challenges.size() + 1, std::string(challenges) + "/") == 0;
  if (path == challenges || below) {
    field.refuse("is where certificates are proven: choose another path");
  }
  return path;
}

std::optional<Milliseconds> read_hsts(const Field& field) {
  const auto text = field.text();
  if (!text) return std::nullopt;
  const Result<Milliseconds> age = parse_duration(*text);
  if (age && *age <= hsts_max) return *age;
  field.refuse(age ? "must be at most 87600h, got " + *text : age.error().message);
  return std::nullopt;
}

std::optional<std::int64_t> read_header_limit(const Field& field) {
  const auto limit = field.bytes();
  if (limit && (*limit < header_limit_min || *limit > header_limit_max)) {
    field.refuse("must be 4K..1M, got " + *field.text());
  }
  return limit;
}

std::optional<std::string> read_auth(const Field& field) {
  const auto file = field.text();
  if (file && !is_relative_path(*file)) {
    field.refuse("must be a path below the platform's secrets folder, without \"..\", got \"" +
                 *file + "\"");
  }
  return file;
}

void refuse_of_tcp(const Field& field) {
  for (const auto& [key, member] : field.members()) {
    if (key == "proto" || key == "port" || key == "publish" || !member.said()) continue;
    member.refuse("is for http, https and grpc: what speaks tcp is reached by `publish`");
  }
}

}  // namespace

std::vector<Error> expose_warnings(const App& app) {
  std::vector<Error> warnings;
  std::map<std::string, std::size_t> defaults;  // path of the default host → entry that has it
  for (std::size_t i = 0; i < app.expose.size(); ++i) {
    const Expose& expose = app.expose[i];
    const std::string field = "expose[" + std::to_string(i) + "]";
    const auto warn = [&](const std::string& why) {
      warnings.push_back({Code::invalid, field + ": " + why, app.where(field)});
    };
    if (expose.proto == Expose::Proto::tcp) {
      if (!expose.publish && services.count(app.name) == 0) {
        warn("reaches nobody: what speaks tcp is reached by `publish`");
      }
      continue;
    }
    if (!expose.domains.empty()) continue;
    const auto [first, is_new] = defaults.emplace(expose.path, i);
    if (is_new || expose.publish) continue;
    warn("reaches nobody: expose[" + std::to_string(first->second) +
         "] has the app's default host at this path; say `domains`, another `path` or `publish`");
  }
  return warnings;
}

std::optional<Scheme> read_scheme(const Field& field) {
  const auto text = field.text();
  if (!text) return std::nullopt;
  return *text == "https" ? Scheme::https : Scheme::http;
}

std::vector<std::string> read_ranges(const Field& field) {
  std::vector<std::string> ranges;
  for (const Field& item : field.items()) {
    const auto text = item.text();
    if (!text) continue;
    if (!is_range(*text)) {
      item.refuse(
          "must be an IP address, or a range such as 10.0.0.0/8 that begins with its first "
          "address, got \"" +
          *text + "\"");
    }
    ranges.push_back(*text);
  }
  return ranges;
}

Expose read_expose(const Field& field) {
  Expose expose;
  expose.proto = read_proto(field["proto"]);
  expose.port = field["port"].number().value_or(0);
  expose.publish = read_publish(field["publish"]);
  if (expose.proto == Expose::Proto::tcp) refuse_of_tcp(field);
  expose.domains = read_domains(field["domains"]);
  expose.scheme = read_scheme(field["scheme"]);
  expose.path = read_route_path(field["path"]);
  expose.body_limit = field["body_limit"].bytes();
  expose.header_limit = read_header_limit(field["header_limit"]);
  expose.timeout = field["timeout"].duration(1s);
  if (field["buffering"].said()) expose.buffering = field["buffering"].flag();
  if (field["gzip"].said()) expose.gzip = field["gzip"].flag();
  if (field["redirect"].said()) expose.redirect = field["redirect"].flag();
  expose.hsts = read_hsts(field["hsts"]);
  expose.auth = read_auth(field["auth"]);
  expose.allow = read_ranges(field["allow"]);
  return expose;
}

}  // namespace fairlead
