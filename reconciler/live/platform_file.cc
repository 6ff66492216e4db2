#include "reconciler/live/platform_file.h"

#include <openssl/evp.h>

#include <cstdlib>
#include <vector>

#include "reconciler/json.h"
#include "reconciler/live/file_io.h"

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

std::string base64url(const std::string& text) {
  std::vector<unsigned char> coded(4 * ((text.size() + 2) / 3) + 1);
  const int size =
      EVP_EncodeBlock(coded.data(), reinterpret_cast<const unsigned char*>(text.data()),
                      static_cast<int>(text.size()));
  std::string out(coded.begin(), coded.begin() + size);
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
  const auto login = platform.registries.find(registry);
  if (login == platform.registries.end()) return std::string();
  Result<std::string> password = read_file(login->second.password_file, 64u << 10);
  if (!password) {
    return Error{Code::denied,
                 "no password for registry " + registry + ": " + password.error().message, ""};
  }
  while (!password->empty() && (password->back() == '\n' || password->back() == '\r'))
    password->pop_back();
  return base64url(
      Json::object(
          {{"username", login->second.user}, {"password", *password}, {"serveraddress", registry}})
          .dump());
}

}  // namespace fairlead::live
