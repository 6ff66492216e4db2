#include "providers/rabbitmq/accounts.h"

#include <openssl/evp.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "reconciler/check.h"
#include "reconciler/owners.h"

namespace fairlead::rabbitmq {
namespace {

const unsigned char* bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

std::string base64(std::string_view raw) {
  std::string out((raw.size() + 2) / 3 * 4 + 1, '\0');  // the encoder ends with a zero byte
  const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()), bytes(raw),
                                     static_cast<int>(raw.size()));
  out.resize(static_cast<std::size_t>(length));
  return out;
}

bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Where /api/users/WORD is no user: another resource answers.
bool is_word_of_the_api(std::string_view user) {
  return user == "bulk-delete" || user == "without-permissions";
}

constexpr std::size_t app_name_max = 40;
constexpr std::size_t signature_digits = 16;
constexpr char folder_tag_begin[] = "fairlead-of-";
constexpr std::size_t password_characters = 32;

}  // namespace

std::string Account::user() const {
  return rotation == 1 ? app : app + "." + std::to_string(rotation);
}

bool is_app_name(std::string_view name) {
  return !name.empty() && name.size() <= app_name_max && is_lower(name[0]) &&
         std::all_of(name.begin(), name.end(),
                     [](char c) { return is_lower(c) || is_digit(c) || c == '-'; });
}

std::optional<Account> parse_account(std::string_view user) {
  const std::size_t dot = user.find('.');
  Account account;
  account.app = user.substr(0, dot);
  if (!is_app_name(account.app)) return std::nullopt;
  if (dot != user.npos) {
    const std::string_view digits = user.substr(dot + 1);
    std::from_chars(digits.data(), digits.data() + digits.size(), account.rotation);
  }
  if (account.rotation < 1 || account.user() != user || is_word_of_the_api(user)) {
    return std::nullopt;
  }
  return account;
}

std::string owner_tag(const Keys& keys, std::string_view kind, std::string_view name) {
  const std::string text = std::string(kind) + "\n" + std::string(name);
  return "fairlead-" + keys.installation() + "-" +
         keys.digest("rabbitmq owner", text).substr(0, signature_digits);
}

std::string folder_tag(const Keys& keys, const std::string& vhost, const std::string& owner) {
  return folder_tag_begin + owner + "-" + owner_signature(keys, "vhost " + vhost, owner);
}

std::string owner_in(const Keys& keys, const std::string& vhost,
                     const std::vector<std::string>& tags) {
  const std::string begin = folder_tag_begin;
  for (const std::string& tag : tags) {
    const std::size_t end = tag.rfind('-');
    if (!tag.starts_with(begin) || end < begin.size()) continue;
    const std::string owner = tag.substr(begin.size(), end - begin.size());
    if (tag == folder_tag(keys, vhost, owner)) return owner;
  }
  return "";
}

Secret password_of(const Keys& keys, const Account& account) {
  return keys.derive("messagebus/" + account.app + "/" + std::to_string(account.rotation),
                     password_characters);
}

std::string hash_password(std::string_view salt, const Secret& password) {
  const std::string salted = std::string(salt) + password.reveal();
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(bytes(salted), salted.size(), digest.data());
  std::string raw(salt);
  raw.append(reinterpret_cast<const char*>(digest.data()), digest.size());
  return base64(raw);
}

std::string password_hash_of(const Keys& keys, const Account& account) {
  constexpr std::size_t salt_bytes = 4;
  const std::string digits = keys.digest("rabbitmq salt", account.user());
  std::string salt;
  for (std::size_t i = 0; i < salt_bytes; ++i) {
    unsigned value = 0;
    const char* pair = digits.data() + 2 * i;
    std::from_chars(pair, pair + 2, value, 16);
    salt += static_cast<char>(value);
  }
  return hash_password(salt, password_of(keys, account));
}

}  // namespace fairlead::rabbitmq
