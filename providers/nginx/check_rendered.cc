#include <algorithm>
#include <cstdint>
#include <iterator>
#include <set>
#include <utility>
#include <vector>

#include "providers/nginx/render.h"
#include "reconciler/grammar.h"

// The last look at a site before it is written. It knows nothing of how the text was made: it takes
// it apart as nginx does, and every directive must have one of the shapes below, in its block.
namespace fairlead::nginx {
namespace {

// What may be in a block: words as they are, or in <> of a grammar. A shape that ends in "{" opens
// a block of the given kind.
struct Shape {
  std::string_view block;
  std::string_view words;
  std::string_view opens = "";
};

constexpr Shape shapes[] = {
    {"", "upstream <upstream>", "upstream"},
    {"", "server", "server"},
    {"upstream", "server <endpoint> max_fails=0"},
    {"upstream", "keepalive 32"},
    {"upstream", "keepalive_timeout 1s"},
    {"server", "listen <listen>"},
    {"server", "listen <listen> ssl"},
    {"server", "listen <listen> ssl http2"},
    {"server", "http2 on"},
    {"server", "server_name <host>"},
    {"server", "ssl_certificate <certificate>"},
    {"server", "ssl_certificate_key <certificate>"},
    {"server", "large_client_header_buffers 4 16k"},
    {"server", "error_page 502 504 = @unavailable"},
    {"server", "error_page 429 = @busy"},
    {"server", "location ^~ /.well-known/acme-challenge/", "challenges"},
    {"server", "location @unavailable", "location"},
    {"server", "location @busy", "location"},
    {"server", "location = <path>", "location"},
    {"server", "location <folder>", "location"},
    {"challenges", "root <challenges>"},
    {"challenges", "default_type text/plain"},
    {"location", "default_type text/html"},
    {"location", "return 404 $fairlead_unknown"},
    {"location", "return 429 $fairlead_busy"},
    {"location", "return 503 $fairlead_unavailable"},
    {"location", "return 503 $fairlead_maintenance"},
    {"location", "return 308 <redirect>"},
    {"location", "if ($fairlead_proto = http)", "if"},
    {"if", "return 308 <redirect>"},
    {"location", "if ($fairlead_error = late)", "if"},
    {"location", "if ($fairlead_error = unreadable)", "if"},
    {"if", "return 504 $fairlead_late"},
    {"if", "return 502 $fairlead_unreadable"},
    {"location", "add_header Retry-After <number> always"},
    {"location", "add_header Retry-After $fairlead_retry always"},
    {"location", "add_header Strict-Transport-Security <age> always"},
    {"location", "proxy_hide_header Strict-Transport-Security"},
    {"location", "grpc_hide_header Strict-Transport-Security"},
    {"location", "allow <range>"},
    {"location", "deny <range>"},
    {"location", "deny all"},
    {"location", "auth_basic <app>"},
    {"location", "auth_basic_user_file <passwords>"},
    {"location", "client_max_body_size <number>"},
    {"location", "client_body_timeout <time>"},
    {"location", "proxy_read_timeout <time>"},
    {"location", "proxy_send_timeout <time>"},
    {"location", "grpc_read_timeout <time>"},
    {"location", "grpc_send_timeout <time>"},
    {"location", "gzip off"},
    {"location", "proxy_next_upstream_timeout <time>"},
    {"location", "grpc_next_upstream_timeout <time>"},
    {"location", "proxy_buffering off"},
    {"location", "proxy_buffer_size <number>"},
    {"location", "grpc_buffer_size <number>"},
    {"location", "proxy_buffers <number> 16k"},
    {"location", "proxy_busy_buffers_size <number>"},
    {"location", "proxy_ssl_server_name on"},
    {"location", "proxy_ssl_name $host"},
    {"location", "proxy_pass <http>"},
    {"location", "grpc_pass <grpc>"},
};

// The rest of a text that begins and ends so; nothing where it does not.
std::optional<std::string> between(const std::string& text, const std::string& begin,
                                   const std::string& end = "") {
  if (text.size() < begin.size() + end.size() || text.compare(0, begin.size(), begin) != 0 ||
      text.compare(text.size() - end.size(), end.size(), end) != 0) {
    return std::nullopt;
  }
  return text.substr(begin.size(), text.size() - begin.size() - end.size());
}

bool is_number(const std::string& text) {
  return !text.empty() && text.size() <= 19 &&
         text.find_first_not_of("0123456789") == std::string::npos;
}

bool is_port(const std::string& text) {
  return is_number(text) && text.size() <= 5 && text[0] != '0' && std::stoi(text) <= 65535;
}

// "10.0.0.7:80" or "[fd00::7]:80".
bool is_endpoint(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos || !is_port(text.substr(colon + 1))) return false;
  const std::string host = text.substr(0, colon);
  const auto six = between(host, "[", "]");
  if (six) return six->find(':') != std::string::npos && is_address(*six);
  return host.find(':') == std::string::npos && is_address(host);
}

bool is_content_file(const std::optional<std::string>& id) {
  return id && !id->empty() && id->size() <= 128 &&
         id->find_first_not_of("0123456789abcdef") == std::string::npos;
}

// "blog.http.80"
bool is_upstream(const std::string& text) {
  const std::size_t first = text.find('.');
  const std::size_t second = first == std::string::npos ? first : text.find('.', first + 1);
  if (second == std::string::npos) return false;
  const std::string proto = text.substr(first + 1, second - first - 1);
  return is_name(text.substr(0, first)) && is_port(text.substr(second + 1)) &&
         (proto == "http" || proto == "https" || proto == "grpc");
}

bool is_redirect(const std::string& text) {
  const auto port = between(text, "https://$host", "$request_uri");
  return port && (port->empty() || ((*port)[0] == ':' && is_port(port->substr(1))));
}

bool is_folder(const std::string& text) {
  if (text == "/") return true;
  const auto path = between(text, "", "/");
  return path && *path != "/" && is_route_path(*path);
}

bool is_age(const std::string& text) {
  const auto age = between(text, "max-age=");
  return age && is_number(*age);
}

bool is_time(const std::string& text) {
  const auto time = between(text, "", "ms");
  return time && is_number(*time);
}

bool is_challenges(const std::string& text) {
  return is_route_path(text) && between(text, "/", "/challenges");
}

bool is_passed(const std::string& text, const std::vector<std::string>& protos) {
  return std::any_of(protos.begin(), protos.end(), [&](const std::string& proto) {
    const auto upstream = between(text, proto + "://");
    return upstream && is_upstream(*upstream) &&
           upstream->find("." + proto + ".") != std::string::npos;
  });
}

bool is_of(std::string_view grammar, const std::string& word) {
  if (grammar == "<upstream>") return is_upstream(word);
  if (grammar == "<endpoint>") return is_endpoint(word);
  if (grammar == "<listen>") return is_port(word) || is_endpoint(word);
  if (grammar == "<host>") return normal_domain(word, true) == word;
  if (grammar == "<certificate>") return is_content_file(between(word, "certificates/", ".pem"));
  if (grammar == "<passwords>") return is_content_file(between(word, "passwords/"));
  if (grammar == "<path>") return is_route_path(word);
  if (grammar == "<folder>") return is_folder(word);
  if (grammar == "<challenges>") return is_challenges(word);
  if (grammar == "<redirect>") return is_redirect(word);
  if (grammar == "<number>") return is_number(word);
  if (grammar == "<age>") return is_age(word);
  if (grammar == "<time>") return is_time(word);
  if (grammar == "<range>") return is_range(word);
  if (grammar == "<app>") return is_name(word);
  if (grammar == "<http>") return is_passed(word, {"http", "https"});
  if (grammar == "<grpc>") return is_passed(word, {"grpc"});
  return grammar == word;
}

using Words = std::vector<std::string>;

bool fits(const Shape& shape, const Words& words) {
  std::string_view wanted = shape.words;
  std::size_t index = 0;
  for (; !wanted.empty(); ++index) {
    const std::size_t length = std::min(wanted.find(' '), wanted.size());
    const std::string grammar(wanted.substr(0, length));
    if (index == words.size() || !is_of(grammar, words[index])) return false;
    wanted.remove_prefix(std::min(length + 1, wanted.size()));
  }
  return index == words.size();
}

// One directive, or the head or the end of a block.
struct Statement {
  Words words;
  char end = ';';  // or '{', '}'
  int line = 0;
};

// Knows neither quotes, escapes nor comments: a site has none, and a text with one is refused.
class Reader {
 public:
  explicit Reader(const std::string& text) : text_(text) {}

  // Nothing at the end of the text and at what is no statement; then wrong() holds.
  std::optional<Statement> next() {
    Statement statement;
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == '\n') ++line_;
      if (c == ' ' || c == '\n') continue;
      statement.line = line_;
      if (c == ';' || c == '{' || c == '}') {
        ++at_;
        statement.end = c;
        wrong_ = (c == '}') != statement.words.empty();
        return wrong_ ? std::nullopt : std::optional(statement);
      }
      const std::size_t end = text_.find_first_not_of(word_characters, at_);
      const std::size_t length = std::min(end, text_.size()) - at_;
      wrong_ = length == 0;
      if (wrong_) return std::nullopt;
      statement.words.push_back(text_.substr(at_, length));
      at_ += length - 1;
    }
    wrong_ = !statement.words.empty();
    return std::nullopt;
  }
  bool wrong() const { return wrong_; }
  int line() const { return line_; }

 private:
  static constexpr std::string_view word_characters =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._~:/@=$^*[]()-";

  const std::string& text_;
  std::size_t at_ = 0;
  int line_ = 1;
  bool wrong_ = false;
};

Error refusal(int line, const std::string& why) {
  return {Code::denied,
          "the rendered site is not written: line " + std::to_string(line) + " " + why, ""};
}

class Checker {
 public:
  Result<void> check(const std::string& text) {
    Reader reader(text);
    while (const auto statement = reader.next()) {
      if (!take(*statement)) {
        return refusal(statement->line, "is nothing that fairlead renders there");
      }
    }
    if (reader.wrong()) return refusal(reader.line(), "is no directive");
    if (!blocks_.empty()) return refusal(reader.line(), "leaves a block open");
    for (const std::string& upstream : passed_) {
      if (upstreams_.count(upstream) == 0) return refusal(1, "lacks the upstream " + upstream);
    }
    return {};
  }

 private:
  bool take(const Statement& statement) {
    if (statement.end == '}') {
      if (blocks_.empty()) return false;
      blocks_.pop_back();
      return true;
    }
    const std::string_view block = blocks_.empty() ? "" : blocks_.back();
    const auto shape =
        std::find_if(std::begin(shapes), std::end(shapes), [&](const Shape& candidate) {
          return candidate.block == block && candidate.opens.empty() == (statement.end == ';') &&
                 fits(candidate, statement.words);
        });
    if (shape == std::end(shapes)) return false;
    if (statement.end == '{') blocks_.push_back(shape->opens);
    remember(statement.words);
    return true;
  }

  // An app's requests go to its own containers.
  void remember(const Words& words) {
    if (words[0] == "upstream") upstreams_.insert(words[1]);
    if (words[0] == "proxy_pass" || words[0] == "grpc_pass") {
      passed_.insert(words[1].substr(words[1].find("://") + 3));
    }
  }

  std::vector<std::string_view> blocks_;
  std::set<std::string> upstreams_;
  std::set<std::string> passed_;
};

}  // namespace

Result<void> check_rendered(const std::string& text) { return Checker().check(text); }

}  // namespace fairlead::nginx
