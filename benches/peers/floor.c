/* A solver of one problem and of nothing else: what is reachable.
 *
 * `problem.h` has its sizes (NX, NU, NP, HORIZON), start, guess and parameters; `kernels.c` is CasADi's, with dense outputs,
 * column after column, which is how all matrices here lie. Gauss-Newton steps with a line search by halves; the gradient is
 * exact, by the adjoint of the optimality conditions, in closed loop.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kernels.c"
#include "problem.h"

#define REAL double
#define NAME(name) name
#include "riccati.h"

static double xs[HORIZON + 1][NX], us[HORIZON][NU], costates[HORIZON + 1][NX], cost;
static Stage stages[HORIZON + 1];
static Law laws[HORIZON];
static Value values[HORIZON + 1];
static int iterations;

static inline double advance(const double *x, const double *u, double *next) {
    double l;
    const double *arguments[] = {x, u, PARAMS};
    double *results[] = {next, &l};
    k_advance(arguments, results, 0, 0, 0);
    return l;
}

static inline double terminal_cost(const double *x) {
    double unused[NX];
    return advance(x, NEUTRAL, unused);
}

/* f to first, l to second order. */
static inline void expand(const double *x, const double *u, Stage *s) {
    const double *arguments[] = {x, u, PARAMS};
    double *results[] = {s->fx, s->fu, s->hxx, s->hux, s->huu, s->gx, s->gu};
    k_expand(arguments, results, 0, 0, 0);
}

static void solve(void) {
    static double next_xs[HORIZON + 1][NX], next_us[HORIZON][NU];
    memcpy(xs[0], START, sizeof xs[0]);
    memcpy(us, GUESS, sizeof us);
    cost = 0;
    for (int t = 0; t < HORIZON; t++) cost += advance(xs[t], us[t], xs[t + 1]);
    cost += terminal_cost(xs[HORIZON]);
    memcpy(next_xs[0], START, sizeof next_xs[0]);
    for (iterations = 1; iterations <= 100; iterations++) {
        for (int t = 0; t < HORIZON; t++) expand(xs[t], us[t], stages + t);
        expand(xs[HORIZON], NEUTRAL, stages + HORIZON);
        Value last;
        memcpy(last.hessian, stages[HORIZON].hxx, sizeof last.hessian);
        memcpy(last.gradient, stages[HORIZON].gx, sizeof last.gradient);
        riccati(stages, &last, laws, 0);
        double largest = 0, step = 1, next_cost;
        for (int t = 0; t < HORIZON; t++) for (int i = 0; i < NU; i++) largest = fmax(largest, fabs(laws[t].k[i]));
        for (int tries = 0; tries < 12; tries++, step *= 0.5) {
            next_cost = 0;
            for (int t = 0; t < HORIZON; t++) {
                double dx[NX];
                FLAT for (int i = 0; i < NX; i++) dx[i] = next_xs[t][i] - xs[t][i];
                for (int i = 0; i < NU; i++) next_us[t][i] = us[t][i] + step * laws[t].k[i];
                ADD_PRODUCT(next_us[t], laws[t].gain, dx, NU, NX, 1);
                next_cost += advance(next_xs[t], next_us[t], next_xs[t + 1]);
            }
            next_cost += terminal_cost(next_xs[HORIZON]);
            if (next_cost <= cost + 1e-10 * fabs(cost)) break;
        }
        memcpy(xs, next_xs, sizeof xs);
        memcpy(us, next_us, sizeof us);
        cost = next_cost;
        if (largest < TOLERANCE) break;
    }
}

static double gradient[NP];

/* Of the loss in the parameters, at the solution. */
static void differentiate(void) {
    /* Costates with the gains of the last iteration: any that hold the system will do, where lu + fu' lambda is zero. */
    {
        Stage last;
        expand(xs[HORIZON], NEUTRAL, &last);
        memcpy(costates[HORIZON], last.gx, sizeof last.gx);
        memcpy(stages[HORIZON].hxx, last.hxx, sizeof last.hxx);
    }
    for (int t = HORIZON - 1; t >= 0; t--) {
        double fx[NX * NX], fu[NX * NU], lx[NX], lu[NU];
        const double *arguments[] = {xs[t], us[t], PARAMS};
        double *results[] = {fx, fu, lx, lu};
        k_slope(arguments, results, 0, 0, 0);
        ADD_TRANSPOSED_PRODUCT(lu, fu, costates[t + 1], NU, NX, 1);
        ADD_TRANSPOSED_PRODUCT(lx, fx, costates[t + 1], NX, NX, 1);
        ADD_TRANSPOSED_PRODUCT(lx, laws[t].gain, lu, NX, NU, 1);
        memcpy(costates[t], lx, sizeof lx);
    }
    for (int t = 0; t < HORIZON; t++) {
        Stage *s = stages + t;
        const double *arguments[] = {xs[t], us[t], PARAMS, costates[t + 1]};
        double *results[] = {s->fx, s->fu, s->hxx, s->hux, s->huu};
        k_curve(arguments, results, 0, 0, 0);
        memset(s->gx, 0, sizeof s->gx);
        if (t > 0) s->gx[RATE] = xs[t][RATE];
        memcpy(s->gu, us[t], sizeof s->gu);
    }
    Value last = {.gradient = {0}};
    memcpy(last.hessian, stages[HORIZON].hxx, sizeof last.hessian);
    last.gradient[RATE] = xs[HORIZON][RATE];
    static Law adjoint[HORIZON];
    riccati(stages, &last, adjoint, values);
    memset(gradient, 0, sizeof gradient);
    double dx[NX] = {0};
    for (int t = 0; t < HORIZON; t++) {
        double du[NU], dnext[NX] = {0}, dcostate[NX], terms[NP];
        memcpy(du, adjoint[t].k, sizeof du);
        ADD_PRODUCT(du, adjoint[t].gain, dx, NU, NX, 1);
        ADD_PRODUCT(dnext, stages[t].fx, dx, NX, NX, 1);
        ADD_PRODUCT(dnext, stages[t].fu, du, NX, NU, 1);
        memcpy(dcostate, values[t + 1].gradient, sizeof dcostate);
        ADD_PRODUCT(dcostate, values[t + 1].hessian, dnext, NX, NX, 1);
        const double *arguments[] = {xs[t], us[t], PARAMS, costates[t + 1], dx, du, dcostate};
        double *results[] = {terms};
        k_contract(arguments, results, 0, 0, 0);
        for (int i = 0; i < NP; i++) gradient[i] += terms[i];
        memcpy(dx, dnext, sizeof dx);
    }
}

#ifdef RICCATI
/* As many problems as a register of 512 bits holds numbers: the same one in all of them. */
typedef double Lanes __attribute__((vector_size(64)));
enum { LANES = sizeof(Lanes) / sizeof(double) };
#define REAL Lanes
#define NAME(name) name##InLanes
#include "riccati.h"

static StageInLanes given_lanes[HORIZON];
static LawInLanes found_lanes[HORIZON];
static void sweep_lanes(void) {
    ValueInLanes last = {.hessian = {{0}}};
    for (int i = 0; i < NX; i++) {
        last.hessian[i + i * NX] += 1;
        last.gradient[i] += 0.1;
    }
    riccatiInLanes(given_lanes, &last, found_lanes, 0);
    __asm__ volatile("" ::: "memory");
}

/* The stages of `riccati_stage` in problems.py. */
static Stage given[HORIZON];
static Law found[HORIZON];
static void sweep(void) {
    Value last = {.hessian = {0}};
    for (int i = 0; i < NX; i++) {
        last.hessian[i + i * NX] = 1;
        last.gradient[i] = 0.1;
    }
    riccati(given, &last, found, 0);
    __asm__ volatile("" ::: "memory");
}
static void fill(void) {
    for (int t = 0; t < HORIZON; t++) {
        Stage *s = given + t;
        for (int i = 0; i < NX; i++) {
            for (int j = 0; j < NX; j++) {
                s->fx[i + j * NX] = (i == j) + 0.05 * cos(i - 2.0 * j + 0.3 * t);
                s->hxx[i + j * NX] = (i == j) + 0.1 * cos(i + j + 0.1 * t);
            }
            s->fu[i] = 0.1 * (1 + i) + 0.01 * sin(t);
            s->hux[i] = 0.02 * sin(i + t);
            s->gx[i] = sin(i + 0.2 * t);
        }
        s->huu[0] = 1;
        s->gu[0] = 0.1 * cos(t);
        const double *from = (const double *)s;
        Lanes *to = (Lanes *)(given_lanes + t);
        for (unsigned i = 0; i < sizeof *s / sizeof *from; i++) to[i] = (Lanes){0} + from[i];
    }
}
#endif

static int ascending(const void *a, const void *b) {
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static double seconds(void (*run)(void), long times) {
    struct timespec start, end;
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (long i = 0; i < times; i++) run();
    clock_gettime(CLOCK_MONOTONIC, &end);
    return (double)(end.tv_sec - start.tv_sec) + 1e-9 * (double)(end.tv_nsec - start.tv_nsec);
}

/* Median of loops of some milliseconds [us]. */
static double microseconds(void (*run)(void)) {
    long times = 1;
    while (seconds(run, times) < 2e-3) times *= 2;
    double samples[61];
    for (int i = 0; i < 61; i++) samples[i] = 1e6 * seconds(run, times) / (double)times;
    qsort(samples, 61, sizeof *samples, ascending);
    return samples[30];
}

static void list(const char *name, const double *numbers, int count) {
    printf("\"%s\": [", name);
    for (int i = 0; i < count; i++) printf("%s%.17g", i ? ", " : "", numbers[i]);
    printf("], ");
}

int main(void) {
    double solve_time = microseconds(solve), gradient_time = microseconds(differentiate);
    printf("{\"cost\": %.17g, \"iterations\": %d, ", cost, iterations);
    list("controls", us[0], HORIZON * NU);
    list("gradient", gradient, NP);
#ifdef RICCATI
    fill();
    double riccati_time = microseconds(sweep), lanes_time = microseconds(sweep_lanes) / LANES;
    for (int i = 0; i < NX; i++) {
        if (fabs(found_lanes[0].gain[i][LANES - 1] - found[0].gain[i]) > 1e-12) return 1;
    }
    list("gain", found[0].gain, NX);
    printf("\"feedforward\": %.17g, \"riccati\": %.6f, \"lanes\": %.6f, ", found[0].k[0], riccati_time, lanes_time);
#endif
    printf("\"times\": {\"solve\": %.6f, \"iteration\": %.6f, \"gradient\": %.6f}}\n", solve_time, solve_time / iterations,
           gradient_time);
    return 0;
}
