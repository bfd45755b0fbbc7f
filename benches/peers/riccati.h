/* The backward recursion of one problem's sizes, over numbers of the type REAL. NAME tells what is defined from what another
 * type has defined. */
#ifndef FLAT
/* Loops over small systems become straight lines. */
#if NX <= 6
#define FLAT _Pragma("GCC unroll 8")
#else
#define FLAT
#endif

/* `out[:, j] += a[:, k] b[k, j]`, the first index running along memory. */
#define ADD_PRODUCT(out, a, b, R, K, C)                                                                    \
    FLAT for (int j = 0; j < C; j++) FLAT for (int k = 0; k < K; k++) FLAT for (int i = 0; i < R; i++)     \
        out[i + j * R] += a[i + k * R] * b[k + j * K]
#define ADD_TRANSPOSED_PRODUCT(out, a, b, R, K, C)                                                         \
    FLAT for (int j = 0; j < C; j++) FLAT for (int i = 0; i < R; i++) FLAT for (int k = 0; k < K; k++)     \
        out[i + j * R] += a[k + i * K] * b[k + j * K]
#endif

typedef struct {
    REAL fx[NX * NX], fu[NX * NU], hxx[NX * NX], hux[NU * NX], huu[NU * NU], gx[NX], gu[NU];
} NAME(Stage);

typedef struct {
    REAL gain[NU * NX], k[NU];
} NAME(Law);

typedef struct {
    REAL hessian[NX * NX], gradient[NX];
} NAME(Value);

/* The backward recursion from the value function `last`. Keeps all of them where `keep` is given. */
static inline __attribute__((always_inline)) void NAME(riccati)(const NAME(Stage) *all, const NAME(Value) *last,
                                                               NAME(Law) *out, NAME(Value) *keep) {
    NAME(Value) value = *last;
    if (keep) keep[HORIZON] = value;
    for (int t = HORIZON - 1; t >= 0; t--) {
        const NAME(Stage) *s = all + t;
        REAL vfx[NX * NX] = {0}, vfu[NX * NU] = {0};
        ADD_PRODUCT(vfx, value.hessian, s->fx, NX, NX, NX);
        ADD_PRODUCT(vfu, value.hessian, s->fu, NX, NX, NU);
        REAL qxx[NX * NX], qux[NU * NX], quu[NU * NU], qx[NX], qu[NU];
        memcpy(qxx, s->hxx, sizeof qxx);
        memcpy(qux, s->hux, sizeof qux);
        memcpy(quu, s->huu, sizeof quu);
        memcpy(qx, s->gx, sizeof qx);
        memcpy(qu, s->gu, sizeof qu);
#if NX <= 6
        FLAT for (int j = 0; j < NX; j++) FLAT for (int i = j; i < NX; i++) {
            FLAT for (int k = 0; k < NX; k++) qxx[i + j * NX] += s->fx[k + i * NX] * vfx[k + j * NX];
        }
#else
        REAL across[NX * NX];
        for (int i = 0; i < NX; i++) for (int k = 0; k < NX; k++) across[i + k * NX] = s->fx[k + i * NX];
        ADD_PRODUCT(qxx, across, vfx, NX, NX, NX);
#endif
        ADD_TRANSPOSED_PRODUCT(qux, s->fu, vfx, NU, NX, NX);
        ADD_TRANSPOSED_PRODUCT(quu, s->fu, vfu, NU, NX, NU);
        ADD_TRANSPOSED_PRODUCT(qx, s->fx, value.gradient, NX, NX, 1);
        ADD_TRANSPOSED_PRODUCT(qu, s->fu, value.gradient, NU, NX, 1);

        /* quu = L D L', the inverse of D kept on the diagonal. */
        for (int j = 0; j < NU; j++) {
            for (int k = 0; k < j; k++) {
                REAL scaled = quu[j + k * NU] * quu[k + k * NU];
                for (int i = j; i < NU; i++) quu[i + j * NU] -= quu[i + k * NU] * scaled;
            }
            quu[j + j * NU] = 1.0 / quu[j + j * NU];
        }
        NAME(Law) law;
        FLAT for (int c = 0; c <= NX; c++) {
            const REAL *right = c < NX ? qux + c * NU : qu;
            REAL *left = c < NX ? law.gain + c * NU : law.k;
            for (int i = 0; i < NU; i++) {
                left[i] = -right[i];
                for (int k = 0; k < i; k++) left[i] -= quu[i + k * NU] * quu[k + k * NU] * left[k];
            }
            for (int i = NU - 1; i >= 0; i--) {
                left[i] *= quu[i + i * NU];
                for (int k = i + 1; k < NU; k++) left[i] -= quu[k + i * NU] * quu[i + i * NU] * left[k];
            }
        }
        ADD_TRANSPOSED_PRODUCT(qx, law.gain, qu, NX, NU, 1);
        memcpy(value.gradient, qx, sizeof qx);
        FLAT for (int j = 0; j < NX; j++) FLAT for (int i = j; i < NX; i++) {
            REAL sum = qxx[i + j * NX];
            for (int k = 0; k < NU; k++) sum += qux[k + i * NU] * law.gain[k + j * NU];
            value.hessian[i + j * NX] = value.hessian[j + i * NX] = sum;
        }
        out[t] = law;
        if (keep) keep[t] = value;
    }
}

#undef REAL
#undef NAME
