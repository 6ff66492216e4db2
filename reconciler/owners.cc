#include "reconciler/owners.h"

#include <openssl/sha.h>

#include <array>
#include <utility>

#include "reconciler/first_level.h"
#include "reconciler/json.h"

namespace fairlead {
namespace {

constexpr std::size_t owner_signature_digits = 16;
constexpr std::size_t claim_bytes = 4;
constexpr char hex[] = "0123456789abcdef";

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_' || c == '.';
}

}  // namespace

std::string owner_of(const std::string& source, const std::string& platform,
                     const std::vector<std::string>& tenants) {
  std::string innermost;
  for (const std::string& tenant : tenants) {
    const bool deeper = tenant.size() > innermost.size();
    if (deeper && source.starts_with(tenant + "/")) innermost = tenant;
  }
  if (!innermost.empty()) return innermost;
  const std::string folder = first_level(source);
  return folder == platform ? "" : folder;
}

std::string owner_text(const std::string& owner) {
  return owner.empty() ? "the operator's folders" : "the folder " + owner;
}

std::string owner_mark(const std::string& owner) {
  std::string mark = "/";
  for (const char c : owner) {
    const auto byte = static_cast<unsigned char>(c);
    if (is_plain(c)) {
      mark += c;
    } else {
      mark += {'%', hex[byte >> 4], hex[byte & 15]};
    }
  }
  return mark;
}

std::string owner_signature(const Keys& keys, const std::string& thing, const std::string& mark) {
  return keys.digest("owner", thing + "\n" + mark).substr(0, owner_signature_digits);
}

bool Ownership::forbids(const std::string& mark) const {
  if (mark.empty() || mark == owner_mark(owner)) return false;
  for (const std::string& former : heir_of) {
    if (mark == former) return false;
  }
  return true;
}

std::string forbidden_text(const std::string& app, const Ownership& ownership,
                           const std::string& mark) {
  const std::string whose =
      mark == owner_mark("") ? owner_text("") : "the folder " + mark.substr(1);
  return "it was made for " + whose + ", and the name is said in " + owner_text(ownership.owner) +
         " now; to give it to them: fairlead approve " + claim_token(app, mark, ownership.owner);
}

std::string claim_token(const std::string& app, const std::string& from_mark,
                        const std::string& owner) {
  const std::string text = app + "\n" + from_mark + "\n" + owner_mark(owner);
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
  std::string token;
  for (std::size_t i = 0; i < claim_bytes; ++i) token += {hex[digest[i] >> 4], hex[digest[i] & 15]};
  return token;
}

void NameOwners::restore(std::string_view text) {
  const Result<Json> saved = Json::parse(text);
  if (!saved) return;
  for (const auto& [app, kept] : (*saved)["names"].members()) {
    Ownership& held = names_[app];
    held.owner = kept["owner"].as_string();
    for (const Json& former : kept["heir_of"].items()) held.heir_of.insert(former.as_string());
  }
}

std::string NameOwners::encode() const {
  if (names_.empty()) return "";
  Json names = Json::object();
  for (const auto& [app, held] : names_) {
    Json kept = Json::object({{"owner", held.owner}});
    if (!held.heir_of.empty()) {
      kept.set("heir_of", Json(std::vector<std::string>(held.heir_of.begin(), held.heir_of.end())));
    }
    names.set(app, kept);
  }
  return Json::object({{"schema", 1}, {"names", names}}).pretty() + "\n";
}

bool NameOwners::take_changed() { return std::exchange(changed_, false); }

bool NameOwners::may_have(const std::string& app, const std::string& owner, bool reserved) const {
  const auto found = names_.find(app);
  if (found != names_.end()) return found->second.owner == owner;
  return owner.empty() || !reserved;
}

void NameOwners::settle(const std::string& app, const std::string& owner) {
  if (names_.emplace(app, Ownership{owner, {}}).second) changed_ = true;
}

void NameOwners::give(const std::string& app, const std::string& from_mark,
                      const std::string& owner) {
  Ownership& held = names_[app];
  held.owner = owner;
  held.heir_of.insert(from_mark);
  held.heir_of.erase(owner_mark(owner));
  changed_ = true;
}

void NameOwners::release(const std::string& app) {
  if (names_.erase(app) > 0) changed_ = true;
}

const Ownership& NameOwners::of(const std::string& app) const {
  static const Ownership operators;
  const auto found = names_.find(app);
  return found == names_.end() ? operators : found->second;
}

}  // namespace fairlead
