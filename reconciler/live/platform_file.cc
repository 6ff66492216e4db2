#include "reconciler/live/platform_file.h"

#include <openssl/evp.h>

#include <cstdlib>
#include <vector>

#include "reconciler/json.h"
#include "reconciler/live/file_io.h"
#include "reconciler/registries.h"

namespace fairlead::live {

namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

void apply_environment(Platform::Engine& engine) {
  if (engine.host != Platform::Engine().host) return;
  const std::string host = environment("DOCKER_HOST");
  if (host.empty()) return;
  engine.host = host;
  if (engine.certificates.empty() && !environment("DOCKER_TLS_VERIFY").empty())
    engine.certificates = environment("DOCKER_CERT_PATH");
}

std::string base64(const std::string& text) {
  std::vector<unsigned char> coded(4 * ((text.size() + 2) / 3) + 1);
  const int size =
      EVP_EncodeBlock(coded.data(), reinterpret_cast<const unsigned char*>(text.data()),
                      static_cast<int>(text.size()));
  return std::string(coded.begin(), coded.begin() + size);
}

std::string base64url(const std::string& text) {
  std::string out = base64(text);
  for (char& c : out) c = c == '+' ? '-' : c == '/' ? '_' : c;
  return out;
}

}  // namespace

ParsedPlatform load_platform(const std::string& path) {
  ParsedPlatform parsed;
  const Result<std::string> text = read_file(path, 1u << 20);
  if (text) {
    parsed = parse_platform(path, *text);
  } else if (text.error().code != Code::not_found) {
    parsed.errors.push_back(text.error());
  }
  apply_environment(parsed.platform.engine);
  return parsed;
}

Result<std::string> registry_auth(const Platform& platform, const std::string& registry) {
  const RegistryLogin* login = login_of(platform, registry);
  if (!login) return std::string();
  Result<std::string> password = read_file(login->password_file, 64u << 10);
  if (!password) {
    return Error{Code::denied,
                 "no password for registry " + registry + ": " + password.error().message, ""};
  }
  while (!password->empty() && (password->back() == '\n' || password->back() == '\r'))
    password->pop_back();
  return base64url(
      Json::object(
          {{"username", login->user}, {"password", *password}, {"serveraddress", registry}})
          .dump());
}

Result<Secret> password_of(const Login& login) {
  if (login.password_file.empty()) return login.password;
  Result<std::string> content = read_file(login.password_file, 64u << 10);
  if (!content) {
    return Error{Code::denied, "no password for " + login.user + ": " + content.error().message,
                 ""};
  }
  std::string line = content->substr(0, content->find('\n'));
  if (!line.empty() && line.back() == '\r') line.pop_back();
  if (!line.empty()) return Secret(std::move(line));
  return Error{
      Code::denied,
      "no password for " + login.user + ": the first line of " + login.password_file + " is empty",
      ""};
}

Result<std::string> basic_auth(const Login& login) {
  const Result<Secret> password = password_of(login);
  if (!password) return password.error();
  return "Basic " + base64(login.user + ":" + password->reveal());
}

}  // namespace fairlead::live
