#pragma once

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>
#include <vector>

// OpenSSL's objects with their ends, and what reading and making certificates share. For any
// thread; an object is used by one at a time.
namespace fairlead::nginx {

template <auto end>
struct Ends {
  template <typename T>
  void operator()(T* object) const {
    end(object);
  }
};

using BioPtr = std::unique_ptr<BIO, Ends<BIO_free_all>>;
using X509Ptr = std::unique_ptr<X509, Ends<X509_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, Ends<EVP_PKEY_free>>;
using KeyContextPtr = std::unique_ptr<EVP_PKEY_CTX, Ends<EVP_PKEY_CTX_free>>;
using BignumPtr = std::unique_ptr<BIGNUM, Ends<BN_free>>;
using SecretBignumPtr = std::unique_ptr<BIGNUM, Ends<BN_clear_free>>;
using BignumContextPtr = std::unique_ptr<BN_CTX, Ends<BN_CTX_free>>;
using GroupPtr = std::unique_ptr<EC_GROUP, Ends<EC_GROUP_free>>;
using PointPtr = std::unique_ptr<EC_POINT, Ends<EC_POINT_free>>;
using ParamsPtr = std::unique_ptr<OSSL_PARAM, Ends<OSSL_PARAM_free>>;
using ParamsBuilderPtr = std::unique_ptr<OSSL_PARAM_BLD, Ends<OSSL_PARAM_BLD_free>>;
using NamesPtr = std::unique_ptr<GENERAL_NAMES, Ends<GENERAL_NAMES_free>>;
using NamePtr = std::unique_ptr<GENERAL_NAME, Ends<GENERAL_NAME_free>>;
using ExtensionPtr = std::unique_ptr<X509_EXTENSION, Ends<X509_EXTENSION_free>>;

// The chain, leaf first, then the key: what nginx reads from one file.
std::string pem_of(const std::vector<X509Ptr>& chain, EVP_PKEY* key);

// SHA-256 as hex digits.
std::string sha256_hex(const std::string& text);

}  // namespace fairlead::nginx
